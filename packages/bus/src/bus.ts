/** A message, from JetStream or core NATS. */
export interface BusMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Position in the stream; 0 for what came by a plain subscription. */
  readonly sequence: number;
  /** W3C trace context of whoever published it. */
  readonly traceparent: string | undefined;
  /** When the stream took it, or its publisher sent it, Unix milliseconds with fractions; absent when nobody said. */
  readonly publishedAtMs?: number | undefined;
}

/** A message to be worked off: it comes again until one of these is called. */
export interface WorkMessage extends BusMessage {
  /** How often it was delivered, from 1. */
  readonly deliveries: number;
  /** Done: never deliver it again. Resolves once the server has noted it. */
  ack(): Promise<void>;
  /** Deliver it again after the delay. */
  retryLater(delayMs: number): void;
  /** It can never be worked off: do not deliver it again. */
  reject(reason: string): void;
}

export interface StreamOptions {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxMsgsPerSubject?: number;
  readonly maxBytes?: number;
  /** What a full stream does: forget old messages, or refuse new ones. */
  readonly discard: 'old' | 'new';
  readonly duplicateWindowMs?: number;
  /** Messages go once their one durable consumer has settled them; otherwise they stay until a limit is reached. */
  readonly isWorkQueue?: boolean;
}

/** A copy of another domain's stream, kept up to date for as long as the domain can be reached. */
export interface MirrorOptions {
  /** The name of both. */
  readonly name: string;
  readonly domain: string;
}

export interface PublishOptions {
  /** The stream keeps one message of this id within its duplicate window. */
  readonly messageId: string;
  readonly timeoutMs: number;
  /** Trace to continue; the active span's when left out. */
  readonly traceparent?: string | undefined;
}

export interface Published {
  readonly sequence: number;
  readonly isDuplicate: boolean;
}

export interface FollowOptions {
  readonly stream: string;
  /** Subject filter, such as `ruleset.v1.>`. */
  readonly subjects: string;
  readonly deliver: 'last_per_subject' | 'new' | 'all';
  /**
   * Once the log is read, listen for what comes, at a third of the cost and with less of a promise: for readers
   * who can tell by themselves that a message is missing, and get it elsewhere. A message may come twice; one that
   * nobody heard comes seconds later, by reading the log again. The handler must not need to be waited for.
   */
  readonly isLive?: boolean;
}

export interface WorkOptions {
  readonly stream: string;
  /** The JetStream domain that has the stream; the server's own unless said. */
  readonly domain?: string | undefined;
  /**
   * Name of the consumer; processes that share it share the work. Different in each domain: acknowledgements
   * cross leafnodes, and say no more than stream, consumer and sequence.
   */
  readonly durable: string;
  /** Most messages in one batch. */
  readonly batchMax: number;
  /** How long a batch may wait for more messages after its first, in milliseconds. */
  readonly lingerMs: number;
  /** A message neither acknowledged nor given back for this long is delivered again, in milliseconds. */
  readonly ackWaitMs: number;
}

/** Counts of a stream, for whoever watches it. */
export interface StreamState {
  readonly messages: number;
  readonly bytes: number;
  readonly lastSequence: number;
}
