/**
 * Where messages wait, on this process's own disk, while those who should take them do not answer.
 * A message is taken once its segment file is synced; whoever comes during a sync shares the next.
 * The oldest segment goes out first, message by message, and is deleted once all of it is gone: a
 * crash in between sends some of it again, which ids make harmless. Segments that an earlier
 * process left in the folder are its successor's.
 */
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { backoff, type Clock, type Logger, SluiceError } from '@sluice/mesh';
import { isAside, isLost, setAside } from './aside.js';
import { decodeSegment, recordBytes, type SegmentContent, type SpoolRecord, segmentPattern } from './record.js';
import { type OpenFile, SegmentWriter } from './segment.js';

export interface SpoolOptions {
  readonly directory: string;
  /** Bytes on disk at most. */
  readonly bytesMax: number;
  /** How long the oldest message may wait before new ones are refused, in milliseconds. What was taken is never dropped. */
  readonly ageMaxMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Hands a message on; rejects while nobody takes it. What it rejects with may say how long to wait (`retryAfterMs`). */
  readonly send: (record: SpoolRecord) => Promise<unknown>;
  /** The longest wait between attempts to hand on, in milliseconds; 1 s unless said. */
  readonly longestPauseMs?: number | undefined;
  /** Opens segments to write; the file system's own unless said. */
  readonly openFile?: OpenFile | undefined;
}

/** What waits. */
export interface SpoolState {
  readonly events: number;
  readonly bytes: number;
  /** Age of the oldest segment, milliseconds. */
  readonly ageMs: number;
  /** Segments that were set aside, because bytes of theirs changed or the disk does not give them back. */
  readonly damaged: number;
}

export interface Spool {
  /**
   * Resolves once the message is on stable storage.
   * @throws SluiceError `exhausted` when the spool or the disk is full, or holds messages that are too old.
   */
  add(record: SpoolRecord): Promise<void>;
  hasRoom(): boolean;
  state(): SpoolState;
  /** Resolves once nothing waits, or at the close. */
  whenEmpty(): Promise<void>;
  /** Stops draining and waits for what is being written; what is left stays on disk. */
  close(): Promise<void>;
}

interface Segment {
  readonly path: string;
  readonly sinceMs: number;
  bytes: number;
  /** Those that were not handed on yet. */
  events: number;
  /** Records that were handed on. */
  sent: number;
}

const segmentBytesMax = 8 * 1024 * 1024;
const retryAfterMs = 2_000;
const firstPauseMs = 100;
const usualLongestPauseMs = 1_000;

export async function openSpool(options: SpoolOptions): Promise<Spool> {
  await mkdir(options.directory, { recursive: true });
  const spool = new DiskSpool(options);
  await spool.recover();
  return spool;
}

class DiskSpool implements Spool {
  readonly #options: SpoolOptions;
  /** Oldest first; the last may be the one that is written. */
  readonly #segments: Segment[] = [];
  readonly #stop = new AbortController();
  #writer: { readonly segment: Segment; readonly file: SegmentWriter } | undefined;
  /** One change of the files at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting: { record: SpoolRecord; settle: (failure?: unknown) => void }[] = [];
  #waitingBytes = 0;
  #serial = 0;
  #damaged = 0;
  #draining: Promise<void> | undefined;

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** Takes over what an earlier process left. */
  async recover(): Promise<void> {
    const { directory, logger } = this.#options;
    const names = await readdir(directory);
    this.#damaged = names.filter(isAside).length;
    for (const name of names.filter((name) => segmentPattern.test(name)).sort()) {
      this.#serial = Math.max(this.#serial, Number.parseInt(name, 10));
      await this.#takeOver(join(directory, name));
    }
    const { events, bytes } = this.state();
    if (events > 0) logger.info({ events, bytes }, 'the spool holds events of an earlier process');
    this.#drainSoon();
  }

  async #takeOver(path: string): Promise<void> {
    try {
      const { records } = decodeSegment(await readFile(path), path);
      const { size, mtimeMs } = await stat(path);
      this.#segments.push({ path, sinceMs: mtimeMs, bytes: size, events: eventsOf(records), sent: 0 });
    } catch (error) {
      if (!isLost(error)) throw error;
      await this.#setAside(path, String(error));
    }
  }

  state(): SpoolState {
    const sum = (of: (segment: Segment) => number): number => this.#segments.reduce((total, one) => total + of(one), 0);
    const oldest = this.#segments[0]?.sinceMs;
    return {
      events: sum(({ events }) => events),
      bytes: sum(({ bytes }) => bytes),
      ageMs: oldest === undefined ? 0 : Math.max(this.#options.clock.now() - oldest, 0),
      damaged: this.#damaged,
    };
  }

  hasRoom(): boolean {
    const { bytes, ageMs } = this.state();
    return bytes + this.#waitingBytes < this.#options.bytesMax && ageMs <= this.#options.ageMaxMs;
  }

  async add(record: SpoolRecord): Promise<void> {
    const size = recordBytes(record);
    const { bytes: held, ageMs } = this.state();
    if (this.#stop.signal.aborted) throw full('is closing', undefined);
    if (held + this.#waitingBytes + size > this.#options.bytesMax) throw full('is full', undefined);
    if (ageMs > this.#options.ageMaxMs) throw full('holds messages that wait for too long', undefined);
    this.#waitingBytes += size;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ record, settle: (failure) => (failure === undefined ? resolve() : reject(failure)) });
    if (this.#waiting.length === 1) void this.#inTurn(() => this.#writeWaiting());
    await promise;
  }

  async whenEmpty(): Promise<void> {
    while (!this.#stop.signal.aborted && (this.#segments.length > 0 || this.#waitingBytes > 0)) {
      await (this.#draining ?? this.#turn);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#draining;
    await this.#inTurn(() => this.#seal());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #writeWaiting(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    const records = group.map(({ record }) => record);
    const size = records.reduce((sum, record) => sum + recordBytes(record), 0);
    try {
      const { segment, file } = this.#writer ?? (await this.#begin());
      segment.bytes += await file.append(records);
      segment.events += eventsOf(records);
      // Before anything else is waited for: nobody is sent a message whose giver does not know yet that it was taken.
      for (const { settle } of group) settle();
      if (segment.bytes >= segmentBytesMax) await this.#seal();
    } catch (error) {
      this.#options.logger.error({ reason: String(error) }, 'the spool could not be written');
      for (const { settle } of group) settle(full('can not be written', error));
      // What a failed sync left in the file can't be known: nothing more is written behind it.
      await this.#seal().catch(() => undefined);
    }
    this.#waitingBytes -= size;
    this.#drainSoon();
  }

  async #begin() {
    const { directory, openFile, clock } = this.#options;
    const file = await SegmentWriter.create(directory, ++this.#serial, openFile);
    const { path } = file;
    await syncDirectory(directory).catch(async (error: unknown) => {
      await file.close();
      await rm(path, { force: true });
      throw error;
    });
    const segment: Segment = { path, sinceMs: clock.now(), bytes: 0, events: 0, sent: 0 };
    this.#segments.push(segment);
    this.#writer = { segment, file };
    return this.#writer;
  }

  async #seal(): Promise<void> {
    const written = this.#writer;
    this.#writer = undefined;
    await written?.file.close();
  }

  #drainSoon(): void {
    if (this.#draining || this.#segments.length === 0 || this.#stop.signal.aborted) return;
    this.#draining = this.#drain().finally(() => {
      this.#draining = undefined;
      // A segment may have begun between the drain's last look and this.
      this.#drainSoon();
    });
  }

  async #drain(): Promise<void> {
    const { logger } = this.#options;
    const before = this.state().events;
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      const segment = this.#segments[0];
      if (!segment) break;
      try {
        if (this.#writer?.segment === segment) await this.#inTurn(() => this.#seal());
        await this.#sendAll(segment);
        failures = 0;
      } catch (error) {
        if (failures++ === 0) logger.warn({ reason: String(error), ...this.state() }, 'events wait in the spool');
        await pause(this.#pauseMs(error, failures), this.#stop.signal);
      }
    }
    if (this.#segments.length === 0) logger.info({ events: before }, 'the spool is empty again');
  }

  #pauseMs(error: unknown, failures: number): number {
    const { longestPauseMs = usualLongestPauseMs } = this.#options;
    const asked = error instanceof SluiceError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(backoff(failures, firstPauseMs, longestPauseMs), Math.min(asked, longestPauseMs));
  }

  /** Goes on behind the last record that was handed on, should an attempt before have come to a halt. */
  async #sendAll(segment: Segment): Promise<void> {
    const content = await this.#read(segment);
    for (const record of content.records.slice(segment.sent)) {
      if (this.#stop.signal.aborted) return;
      await this.#options.send(record);
      segment.sent++;
      segment.events -= record.count;
    }
    await this.#forget(segment, content);
  }

  /** A segment that the disk does not give back must not keep those behind it. */
  async #read({ path }: Segment): Promise<SegmentContent & { readonly loss?: string }> {
    try {
      return decodeSegment(await readFile(path), path);
    } catch (error) {
      if (!isLost(error)) throw error;
      return { records: [], end: 'damaged', loss: String(error) };
    }
  }

  async #forget({ path }: Segment, { end, loss = 'bytes of it changed' }: SegmentContent & { loss?: string }) {
    if (end === 'damaged') await this.#setAside(path, loss);
    else await rm(path, { force: true });
    await syncDirectory(this.#options.directory);
    this.#segments.shift();
  }

  async #setAside(path: string, reason: string): Promise<void> {
    await setAside(this.#options.directory, path);
    this.#damaged++;
    this.#options.logger.error(
      { path, reason },
      'a spool segment is not whole; what can be read of it goes out, and it is kept aside',
    );
  }
}

const eventsOf = (records: readonly SpoolRecord[]): number => records.reduce((sum, { count }) => sum + count, 0);

function full(how: string, cause: unknown): Error {
  const message = `Events can't go out now, and the spool that should keep them ${how}; send the same ones again later.`;
  return new SluiceError('exhausted', message, { retryAfterMs, cause });
}

/** A new name is durable only once its folder is synced. */
async function syncDirectory(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    // Who only waits to try again must not be kept alive by it.
    const timer = setTimeout(settle, ms).unref();
    signal.addEventListener('abort', settle, { once: true });
    if (signal.aborted) settle();
  });
}
