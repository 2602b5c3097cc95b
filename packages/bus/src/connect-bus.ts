import { backoff, currentTraceparent, invalid, type Logger, type Release, withSpan } from '@sluice/mesh';
import type {
  BusMessage,
  FollowOptions,
  MirrorOptions,
  Published,
  PublishOptions,
  StreamOptions,
  StreamState,
  WorkMessage,
  WorkOptions,
} from './bus.js';
import { Connection, type ConnectionOptions, errorFrom, pause, report } from './connection.js';
import { follow } from './follow.js';
import { headersWith, publishedHeaders, traceparentOf } from './headers.js';
import { ensureMirror, ensureStream } from './streams.js';
import { work } from './work.js';

/** NATS, as the mesh uses it. Operations fail with `unavailable` while the server is away. */
export interface Bus {
  isConnected(): boolean;
  /** Called now, if connected, and after every reconnection. */
  onConnected(listener: () => void): Release;
  ensureStream(options: StreamOptions): Promise<void>;
  /** Makes a copy of another domain's stream as soon as the server lets it. */
  keepMirror(options: MirrorOptions): Release;
  streamState(name: string): Promise<StreamState>;
  /** Appends to a stream. Resolves once the stream holds the message on stable storage. */
  publish(subject: string, data: Uint8Array, options: PublishOptions): Promise<Published>;
  /** Reads a stream in order, for as long as the process lives. */
  follow(
    options: FollowOptions,
    onMessage: (message: BusMessage) => void | Promise<void>,
    onReset: () => void,
  ): Release;
  /** Works a stream off, together with every process that uses the same durable name. */
  work(options: WorkOptions, onBatch: (messages: WorkMessage[]) => Promise<void>): Release;
  /** Core NATS: to whoever listens now; lost when nobody does. */
  broadcast(subject: string, data: Uint8Array): void;
  subscribe(subject: string, onMessage: (message: BusMessage) => void): Release;
  close(): Promise<void>;
}

/** Resolves at once; the connection is made, and made again, in the background. */
export async function connectBus(options: ConnectionOptions): Promise<Bus> {
  if (!options.url.split(',').every((url) => URL.canParse(url)))
    throw invalid('NATS_URL', 'must be a URL such as nats://127.0.0.1:4222');
  const connection = new Connection(options);
  const { logger } = options;
  return {
    isConnected: () => connection.isConnected,
    onConnected: (listener) => connection.onConnected(listener),
    ensureStream: async (stream) => {
      try {
        await ensureStream(await connection.manager(), stream, options.replicas ?? 1);
      } catch (error) {
        throw errorFrom(error, `Stream ${stream.name} can't be made`);
      }
    },
    keepMirror: (mirror) => keepMirror(connection, logger, mirror, options.replicas ?? 1),
    streamState: (name) => streamState(connection, name),
    publish: (subject, data, publishOptions) => publish(connection, subject, data, publishOptions),
    follow: (followOptions, onMessage, onReset) => follow(connection, logger, followOptions, onMessage, onReset),
    work: (workOptions, onBatch) => work(connection, logger, workOptions, onBatch),
    broadcast: (subject, data) => {
      const sent = headersWith(currentTraceparent());
      if (connection.isConnected) connection.nats().publish(subject, data, sent ? { headers: sent } : {});
    },
    subscribe: (subject, onMessage) => subscribe(connection, logger, subject, onMessage),
    close: () => connection.close(),
  };
}

async function publish(
  connection: Connection,
  subject: string,
  data: Uint8Array,
  options: PublishOptions,
): Promise<Published> {
  const attributes = { 'messaging.system': 'nats', 'messaging.destination.name': subject };
  const parent = 'traceparent' in options ? { parent: options.traceparent } : {};
  return withSpan(`publish ${subject}`, { kind: 'producer', attributes, ...parent }, async () => {
    try {
      const ack = await connection.jetstream().publish(subject, data, {
        msgID: options.messageId,
        timeout: options.timeoutMs,
        headers: publishedHeaders(currentTraceparent()),
      });
      return { sequence: ack.seq, isDuplicate: ack.duplicate };
    } catch (error) {
      throw errorFrom(error, `${subject} can't be published`);
    }
  });
}

function keepMirror(connection: Connection, logger: Logger, mirror: MirrorOptions, replicas: number): Release {
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    for (let attempt = 0; !stop.signal.aborted && !connection.closed.aborted; attempt++) {
      try {
        await ensureMirror(await connection.manager(), mirror, replicas);
        return;
      } catch (error) {
        report(logger, attempt, { ...mirror, reason: String(error) }, 'the mirror can not be made yet');
      }
      await pause(backoff(attempt, 100, 2_000), stop.signal);
    }
  };
  const finished = run();
  return async () => {
    stop.abort();
    await finished;
  };
}

async function streamState(connection: Connection, name: string): Promise<StreamState> {
  try {
    const { state } = await (await connection.manager()).streams.info(name);
    return { messages: state.messages, bytes: state.bytes, lastSequence: state.last_seq };
  } catch (error) {
    throw errorFrom(error, `Stream ${name} can't be looked at`);
  }
}

/** Subscribes when there is a connection; the client renews the subscription by itself after a reconnection. */
function subscribe(
  connection: Connection,
  logger: Logger,
  subject: string,
  onMessage: (message: BusMessage) => void,
): Release {
  let unsubscribe: (() => void) | undefined;
  const release = connection.onConnected(() => {
    if (unsubscribe) return;
    const subscription = connection.nats().subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        const { subject: on, data, headers } = message;
        try {
          onMessage({ subject: on, data, sequence: 0, traceparent: traceparentOf(headers) });
        } catch (cause) {
          // A message that can't be read must not end the reading of all others.
          logger.warn({ subject: on, reason: String(cause) }, 'message ignored');
        }
      },
    });
    unsubscribe = () => subscription.unsubscribe();
  });
  return () => {
    void release();
    unsubscribe?.();
  };
}

/** What an instance says of a bus that it has to do without: see `ServerOptions.describe`. */
export const missingOf = (bus: Pick<Bus, 'isConnected'>): Record<string, string> =>
  bus.isConnected() ? {} : { nats: 'not connected' };
