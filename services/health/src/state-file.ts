import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '@sluice/mesh';

/** JSON on disk that is there whole or as it was before, whenever the power goes. */
export class StateFile<Value> {
  readonly #path: string;
  readonly #logger: Logger;
  #saving: Promise<void> = Promise.resolve();
  #wanted: Value | undefined;

  constructor(path: string, logger: Logger) {
    this.#path = path;
    this.#logger = logger;
  }

  /** What was saved last; undefined when there is nothing that can be read. */
  async load(): Promise<Value | undefined> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as Value;
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing)
        this.#logger.warn({ path: this.#path, reason: String(error) }, 'state can not be read; starting anew');
      return undefined;
    }
  }

  /** Saves soon; of several values that wait only the last is written. @returns when it is on disk, or could not be. */
  save(value: Value): Promise<void> {
    const isWaiting = this.#wanted !== undefined;
    this.#wanted = value;
    if (!isWaiting) this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  /** Resolves when everything that was to be saved is on disk, or could not be. */
  flushed(): Promise<void> {
    return this.#saving;
  }

  async #write(): Promise<void> {
    const text = JSON.stringify(this.#wanted);
    this.#wanted = undefined;
    const draft = `${this.#path}.new`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      const file = await open(draft, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.#path);
    } catch (error) {
      this.#logger.warn({ path: this.#path, reason: String(error) }, 'state can not be saved');
    }
  }
}
