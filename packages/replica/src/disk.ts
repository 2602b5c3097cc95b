import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';
import { setKey } from './holdings.js';
import type { ReplicaState } from './replica.js';
import { CorruptFileError, readStateFileSliced, writeStateFile } from './replica-file.js';

export interface DiskOptions {
  readonly directory: string;
  readonly logger: Logger;
  /** Larger rulesets are neither written nor read, in bytes. */
  readonly bytesMax?: number;
  /** Rest between two rounds of writing, in milliseconds. */
  readonly restMs?: number;
}

/** A state that was found on disk. */
export interface FoundState {
  readonly state: ReplicaState;
  /** When it was last known to be config's newest, Unix milliseconds. */
  readonly freshAtMs: number;
}

const suffix = '.ruleset';
const freshEveryMs = 10_000;

/**
 * Last-known-good: the newest state of each set, one file each. A file is replaced as a whole or
 * not at all; one that fails its checks is set aside as `*.corrupt` and never served.
 * Modification times say when a state was last known to be the newest.
 */
export class Disk {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #bytesMax: number;
  readonly #restMs: number;
  #waiting = new Map<string, ReplicaState>();
  #writing: Promise<void> | undefined;
  readonly #resting = new AbortController();
  readonly #freshened = new Map<string, number>();
  #failures = 0;

  constructor(options: DiskOptions) {
    this.#directory = options.directory;
    this.#logger = options.logger;
    this.#bytesMax = options.bytesMax ?? 512 * 1024 * 1024;
    this.#restMs = options.restMs ?? 500;
  }

  /** Writes that failed since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Everything that is whole; the rest is set aside. Half-written files of an earlier life go. */
  async load(): Promise<FoundState[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const found: FoundState[] = [];
    for (const name of (await readdir(this.#directory)).sort()) {
      if (name.endsWith('.tmp')) await rm(join(this.#directory, name), { force: true });
      if (!name.endsWith(suffix)) continue;
      const state = await this.#loadFile(name);
      if (state) found.push(state);
    }
    return found;
  }

  /** Keeps a state. Bursts are written once: only the newest state of a set reaches the disk. */
  save(state: ReplicaState): void {
    this.#waiting.set(setKey(state.set), state);
    this.#startWriting();
  }

  /** Notes that what is on disk is still the newest; at most every 10 s per set. */
  freshen(set: SetRef, atMs: number): void {
    const key = setKey(set);
    if (this.#writing || atMs - (this.#freshened.get(key) ?? 0) < freshEveryMs) return;
    this.#freshened.set(key, atMs);
    const at = new Date(atMs);
    utimes(join(this.#directory, fileName(set)), at, at).catch(() => {
      // There is no such file yet, or the disk is away: the next write says so loudly.
    });
  }

  /** Writes what is waiting, without resting, and ends. */
  async close(): Promise<void> {
    this.#resting.abort();
    while (this.#writing) await this.#writing;
  }

  async #loadFile(name: string): Promise<FoundState | undefined> {
    const path = join(this.#directory, name);
    try {
      const { size, mtimeMs } = await stat(path);
      if (size > this.#bytesMax) throw new CorruptFileError(`it is larger than ${this.#bytesMax} bytes`);
      const state = await readStateFileSliced(await readFile(path));
      if (fileName(state.set) !== name) throw new CorruptFileError(`it holds ${setKey(state.set)}`);
      return { state, freshAtMs: Math.min(mtimeMs, Date.now()) };
    } catch (error) {
      await this.#setAside(path, error as Error);
      return undefined;
    }
  }

  async #setAside(path: string, error: Error): Promise<void> {
    const isCorrupt = error instanceof CorruptFileError;
    const what = isCorrupt
      ? 'last-known-good ruleset is corrupt; set aside'
      : 'last-known-good ruleset can not be read';
    this.#logger.warn({ path, reason: error.message }, what);
    if (!isCorrupt) return;
    await rename(path, `${path}.corrupt`).catch((reason: unknown) => {
      this.#logger.warn({ path, reason: String(reason) }, 'corrupt ruleset file could not be renamed');
    });
  }

  #startWriting(): void {
    this.#writing ??= this.#write().then(() => {
      this.#writing = undefined;
      // What came between the last look and now would wait for the next change.
      if (this.#waiting.size > 0) this.#startWriting();
    });
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const states = [...this.#waiting.values()];
      this.#waiting = new Map();
      for (const state of states) await this.#writeState(state);
      await delay(this.#restMs, undefined, { signal: this.#resting.signal }).catch(() => undefined);
    }
  }

  async #writeState(state: ReplicaState): Promise<void> {
    const path = join(this.#directory, fileName(state.set));
    const draft = `${path}.${process.pid}.tmp`;
    try {
      await writeStateFile(draft, state, this.#bytesMax);
      await rename(draft, path);
      await syncDirectory(this.#directory);
    } catch (error) {
      this.#failures++;
      this.#logger.error({ path, err: error }, 'last-known-good ruleset could not be written');
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }
}

/** Names are escaped, so that no project can write outside the folder. */
function fileName({ project, environment }: SetRef): string {
  return `${encodeURIComponent(project)}@${encodeURIComponent(environment)}${suffix}`;
}

/** Makes the rename itself survive a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
