import type { Bus } from '@sluice/bus';
import { type Logger, type Release, SluiceError } from '@sluice/mesh';
import type { Database, Transaction } from '@sluice/postgres';
import { Frame } from '@sluice/proto';
import { framesKept, markSent, type OutboxRow, outboxChannel, readUnsent, tryPublishLock } from './outbox.js';

export const rulesetStream = {
  name: 'RULESETS',
  subjects: ['ruleset.v1.>'],
  discard: 'old',
  maxMsgsPerSubject: framesKept,
} as const;

const batchMax = 64;
const batchWithinMs = 3_000;
const publishTimeoutMs = 2_000;
/** Looks even when nobody calls: a NOTIFY is lost while the listening connection is away. */
const lookEveryMs = 1_000;
/** Larger frames go without their entities; replicas fetch the snapshot. */
const frameBytesMax = 512 * 1024;

/**
 * Sends frames to the bus, in order, each at least once. Of all replicas one publishes: the
 * advisory lock ends with its holder's connection, so another takes over within a second. A
 * frame sent twice, after a crash between sending and marking, has the same message id.
 */
export class Publisher {
  readonly #db: Database;
  readonly #bus: Bus;
  readonly #logger: Logger;
  #published = 0;
  #isRunning = false;
  #isWanted = false;
  #isStopped = false;
  #isStreamMade = false;
  #idle: Promise<void> = Promise.resolve();

  constructor(db: Database, bus: Bus, logger: Logger) {
    this.#db = db;
    this.#bus = bus;
    this.#logger = logger;
  }

  get published(): number {
    return this.#published;
  }

  async start(): Promise<Release> {
    const wake = (): void => this.#wake();
    const timer = setInterval(wake, lookEveryMs);
    const unlisten = await this.#db.listen(outboxChannel, wake);
    const forget = this.#bus.onConnected(() => {
      // A server that lost its data has lost the stream too.
      this.#isStreamMade = false;
      wake();
    });
    return async () => {
      this.#isStopped = true;
      clearInterval(timer);
      await forget();
      await unlisten();
      await this.#idle;
    };
  }

  #wake(): void {
    this.#isWanted = true;
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    this.#idle = this.#drain().finally(() => {
      this.#isRunning = false;
    });
  }

  async #drain(): Promise<void> {
    while (this.#isWanted && !this.#isStopped && this.#bus.isConnected()) {
      this.#isWanted = false;
      try {
        if (!this.#isStreamMade) await this.#bus.ensureStream(rulesetStream);
        this.#isStreamMade = true;
        const sent = await this.#db.transaction((tx) => this.#publishBatch(tx));
        if (sent > 0) this.#isWanted = true;
      } catch (error) {
        const reason = error instanceof SluiceError ? error.message : String(error);
        this.#logger.warn({ reason }, 'frames wait in the outbox');
      }
    }
  }

  async #publishBatch(tx: Transaction): Promise<number> {
    if (!(await tryPublishLock(tx))) return 0;
    const rows = await readUnsent(tx, batchMax);
    const sent: bigint[] = [];
    const until = performance.now() + batchWithinMs;
    try {
      for (const row of rows) {
        // The transaction must not idle for long: what is left comes with the next one.
        if (performance.now() > until) break;
        await this.#publish(row);
        sent.push(row.position);
      }
    } catch (error) {
      // What went out is marked; the rest waits for the next look.
      if (sent.length === 0) throw error;
    }
    if (sent.length > 0) await markSent(tx, sent);
    this.#published += sent.length;
    return sent.length;
  }

  async #publish({ project, environment, revision, frame, traceparent }: OutboxRow): Promise<void> {
    const data = frame.length > frameBytesMax ? elide(frame) : frame;
    await this.#bus.publish(`ruleset.v1.${project}.${environment}`, data, {
      messageId: `${project}/${environment}/${revision}`,
      timeoutMs: publishTimeoutMs,
      traceparent: traceparent ?? undefined,
    });
  }
}

function elide(bytes: Uint8Array): Uint8Array {
  return Frame.encode({ ...Frame.decode(bytes), upserts: [], deletions: [], isElided: true }).finish();
}
