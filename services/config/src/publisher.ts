import type { Bus } from '@sluice/bus';
import { type Histogram, type Logger, type Metrics, type Release, SluiceError, secondsBounds } from '@sluice/mesh';
import type { Database, Transaction } from '@sluice/postgres';
import { readFrame } from '@sluice/replica';
import { elide, framesKept, markSent, type OutboxRow, outboxChannel, readUnsent, tryPublishLock } from './outbox.js';

export const rulesetStream = {
  name: 'RULESETS',
  subjects: ['ruleset.v1.>'],
  discard: 'old',
  maxMsgsPerSubject: framesKept,
  // Of very many busy sets the oldest frames go first: who misses them fetches a snapshot.
  maxBytes: 256 * 1024 * 1024,
} as const;

type PublisherBus = Pick<Bus, 'isConnected' | 'onConnected' | 'ensureStream' | 'publish'>;

const batchMax = 64;
/**
 * A publisher that freezes keeps its lock until the database ends its transaction. It idles for
 * as long as the bus takes, so these two together stay below that limit, and that limit plus one
 * look below the two seconds within which another has to take over.
 */
const batchWithinMs = 300;
const publishTimeoutMs = 500;
/** Looks even when nobody calls: a NOTIFY is lost while the listening connection is away. */
const lookEveryMs = 500;

/**
 * Sends frames to the bus, in order, each at least once. Of all replicas one publishes: the
 * advisory lock ends with its holder's connection, so another takes over within a second. A
 * frame sent twice, after a crash between sending and marking, has the same message id.
 */
export class Publisher {
  readonly #db: Database;
  readonly #bus: PublisherBus;
  readonly #logger: Logger;
  readonly #hops: Histogram;
  #published = 0;
  #isRunning = false;
  #isWanted = false;
  #isStopped = false;
  #isStreamMade = false;
  #idle: Promise<void> = Promise.resolve();

  constructor(db: Database, bus: PublisherBus, logger: Logger, metrics: Pick<Metrics, 'histogram'>) {
    this.#db = db;
    this.#bus = bus;
    this.#logger = logger;
    const description = 'From the commit of a change to each place that it reaches';
    this.#hops = metrics.histogram('sluice_propagation_seconds', description, secondsBounds);
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
    const sent: OutboxRow[] = [];
    const until = performance.now() + batchWithinMs;
    try {
      for (const row of rows) {
        // The transaction must not idle for long: what is left comes with the next one.
        if (performance.now() > until) break;
        await this.#publish(row);
        sent.push(row);
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
    const { lineage = '', committedAtMs, stateHash } = readFrame(frame);
    const proof = Buffer.from(stateHash).toString('hex', 0, 8);
    // Rows of an earlier version may still be whole.
    await this.#bus.publish(`ruleset.v1.${project}.${environment}`, elide(frame), {
      // A mesh that was made anew, or restored from a backup, counts again: its frames are no repeats of the old ones.
      messageId: `${project}/${environment}/${lineage}/${revision}/${proof}`,
      timeoutMs: publishTimeoutMs,
      traceparent: traceparent ?? undefined,
    });
    this.#hops.record(Math.max(Date.now() - committedAtMs, 0) / 1_000, { hop: 'commit_to_published' });
  }
}
