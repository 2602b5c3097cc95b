/**
 * Events on disk while ingestion does not take them. Each client has a folder of its own, made
 * with its first spooled batch; a folder whose process died is taken over by exactly one other
 * client, which delivers what is in it: the same ids, the same source, the same numbers.
 */
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, systemClock } from '@sluice/mesh';
import { LogEventsRequest } from '@sluice/proto';
import { openSpool, type Spool, type SpoolRecord } from '@sluice/spool';
import { Books } from './books.js';
import { readBooks, writeBooks } from './books-file.js';
import type { Batch, EventSender } from './event-sender.js';
import { messageOf } from './failed-answer.js';
import { isOrphan, nameOf, nobody, ownProcess, readName } from './folder-owner.js';
import { resendLongestMs, spoolSweepMs, spoolTouchMs } from './limits.js';

export interface SpoolLimits {
  /** The folder of all clients with the same key. */
  readonly directory: string;
  /**
   * What all folders in it may hold together, in bytes. Each client looks at the folders of the others every 15 s:
   * many that fill theirs at once may be over it by what they write until then.
   */
  readonly bytesMax: number;
  /** When the oldest batch of a client has waited for so long, in milliseconds, more of its batches wait in memory. */
  readonly ageMaxMs: number;
}

export interface EventSpoolOptions extends SpoolLimits {
  readonly books: Books;
  readonly sender: EventSender;
  readonly logger: Logger;
}

export class EventSpool {
  readonly #options: EventSpoolOptions;
  readonly #self = ownProcess();
  readonly #stopped = new AbortController();
  #own: Promise<Spool> | undefined;
  #isHolding = false;
  /** In the folders of others, when they were last looked at. */
  #othersBytes = 0;
  #sweeping: Promise<void>;
  readonly #timers: NodeJS.Timeout[];
  #warnedFull = false;

  constructor(options: EventSpoolOptions) {
    this.#options = options;
    this.#sweeping = this.#sweep();
    this.#timers = [
      setInterval(() => this.#sweepAgain(), spoolSweepMs * (0.75 + Math.random() / 2)).unref(),
      setInterval(() => void this.#touch(), spoolTouchMs).unref(),
    ];
  }

  /** Whether events of this client wait here. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  /** @returns whether the batch is on stable storage now. Never throws. */
  async keep(batch: Batch): Promise<boolean> {
    const { books, logger, bytesMax } = this.#options;
    try {
      const spool = await this.#open();
      const record = recordOf(batch, books.sourceId);
      if (spool.state().bytes + this.#othersBytes + record.data.length > bytesMax) throw new Error('the spool is full');
      // Before the batch: what is on disk is never more than the books beside it know of.
      await writeBooks(this.#ownPath, books.report());
      await spool.add(record);
      books.spool(record.count);
      return true;
    } catch (error) {
      if (!this.#warnedFull)
        logger.warn({ reason: messageOf(error) }, 'events can not be spooled; they wait in memory');
      this.#warnedFull = true;
      return false;
    } finally {
      this.#settleHolding();
    }
  }

  /** Resolves once nothing of this client waits here, or at the close. */
  async whenEmpty(): Promise<void> {
    const spool = await this.#own?.catch(() => undefined);
    await spool?.whenEmpty();
    if (spool) bookLost(spool, this.#options.books);
    this.#settleHolding();
  }

  /** Leaves what could not be delivered in good order: whoever comes next may take it at once. */
  async close(): Promise<void> {
    this.#stopped.abort();
    for (const timer of this.#timers) clearInterval(timer);
    const spool = await this.#own?.catch(() => undefined);
    await spool?.close();
    await this.#sweeping;
    if (spool) await this.#leave(this.#ownPath, spool, this.#options.books);
  }

  get #ownPath(): string {
    return join(this.#options.directory, nameOf(this.#options.books.sourceId, this.#self));
  }

  #open(): Promise<Spool> {
    const { books } = this.#options;
    this.#own ??= this.#openSpool(this.#ownPath, books);
    this.#own.catch(() => {
      this.#own = undefined;
    });
    return this.#own;
  }

  async #openSpool(directory: string, books: Books): Promise<Spool> {
    const { bytesMax, ageMaxMs, logger } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return openSpool({
      directory,
      bytesMax,
      ageMaxMs,
      logger,
      clock: systemClock,
      longestPauseMs: resendLongestMs,
      send: async (record) => {
        await this.#options.sender.deliver(batchOf(record), books, 'inSpool');
        if (books === this.#options.books) this.#isHolding = books.inSpool > 0;
      },
    });
  }

  #settleHolding(): void {
    this.#isHolding = this.#options.books.inSpool > 0;
  }

  #sweepAgain(): void {
    this.#sweeping = this.#sweeping.then(() => this.#sweep());
  }

  /** Takes over what dead processes left, one folder after the other. */
  async #sweep(): Promise<void> {
    const { directory, logger } = this.#options;
    try {
      const names = await readdir(directory).catch(() => []);
      const folders = names.filter((name) => name !== nameOf(this.#options.books.sourceId, this.#self));
      this.#othersBytes = await bytesIn(directory, folders);
      for (const name of folders) {
        if (this.#stopped.signal.aborted) return;
        if (await this.#isLeft(name)) await this.#adopt(name);
      }
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'the spool of another process could not be taken over; trying again');
    }
  }

  async #isLeft(name: string): Promise<boolean> {
    const known = readName(name);
    if (!known) return false;
    const found = await stat(join(this.#options.directory, name)).catch(() => undefined);
    return found !== undefined && isOrphan(known.owner, this.#self, Date.now() - found.mtimeMs);
  }

  async #adopt(name: string): Promise<void> {
    const { directory, logger, sender } = this.#options;
    const known = readName(name);
    if (!known) return;
    const path = join(directory, nameOf(known.sourceId, this.#self));
    // Of all who try, the file system lets one succeed.
    const isOurs = await rename(join(directory, name), path).then(
      () => true,
      () => false,
    );
    if (!isOurs) return;
    const report = await readBooks(path);
    const books = Books.of(known.sourceId, report);
    const spool = await this.#openSpool(path, books);
    const { events } = spool.state();
    books.recount(events);
    logger.info({ source: known.sourceId, events }, 'took over the spool of a process that is gone');
    const stop = (): void => void spool.close();
    this.#stopped.signal.addEventListener('abort', stop, { once: true });
    await spool.whenEmpty();
    this.#stopped.signal.removeEventListener('abort', stop);
    await spool.close();
    if (spool.state().events === 0 && books.inFlight > 0) books.drop('crashed', books.inFlight);
    await this.#leave(path, spool, books);
    if (spool.state().events === 0) await sender.tell(undefined, books, true);
  }

  /** Removes a folder that is empty; otherwise gives it up. */
  async #leave(path: string, spool: Spool, books: Books): Promise<void> {
    const { directory, logger } = this.#options;
    const { events, damaged } = spool.state();
    bookLost(spool, books);
    try {
      if (events > 0) {
        await writeBooks(path, books.report());
        await rename(path, join(directory, nameOf(books.sourceId, nobody)));
      } else if (damaged > 0) await rename(path, join(directory, `${books.sourceId}.damaged`));
      else await rm(path, { recursive: true, force: true });
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'a folder of the spool could not be left in good order');
    }
  }

  /** Tells other containers that somebody is here. */
  async #touch(): Promise<void> {
    const now = new Date();
    if (this.#own) await utimes(this.#ownPath, now, now).catch(() => undefined);
  }
}

/** A segment whose bytes changed is put aside: what was in it does not come out again. */
function bookLost(spool: Spool, books: Books): void {
  if (spool.state().events === 0 && books.inSpool > 0) books.drop('damaged', books.inSpool, 'inSpool');
}

function recordOf({ set, events, sequence }: Batch, sourceId: string): SpoolRecord {
  const request = { set, events: [...events], sequence, sourceId, sentAtMs: 0 };
  const data = LogEventsRequest.encode(request).finish();
  return { subject: sourceId, messageId: String(sequence), count: events.length, data };
}

function batchOf({ data }: SpoolRecord): Batch {
  const { set, events, sequence = 0 } = LogEventsRequest.decode(data);
  return { set, events, sequence };
}

async function bytesIn(directory: string, folders: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const folder of folders) {
    for (const file of await readdir(join(directory, folder)).catch(() => [])) {
      bytes += (await stat(join(directory, folder, file)).catch(() => undefined))?.size ?? 0;
    }
  }
  return bytes;
}
