/** The checker's own ledger: ids on stable storage before they count as acknowledged. */
import { type FileHandle, open, readFile } from 'node:fs/promises';

export class LedgerBook {
  readonly #path: string;
  readonly #file: FileHandle;
  #waiting: { lines: string; settle: () => void }[] = [];
  #writing: Promise<void> | undefined;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<LedgerBook> {
    return new LedgerBook(path, await open(path, 'a'));
  }

  /** Resolves once the ids are synced; those that come meanwhile share the next sync. */
  note(ids: readonly string[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ lines: ids.map((id) => `${id}\n`).join(''), settle: resolve });
    this.#writing ??= this.#write();
    return promise;
  }

  /** Every id that was noted, from the disk. */
  async read(): Promise<string[]> {
    await this.#writing;
    return (await readFile(this.#path, 'utf8')).split('\n').filter((id) => id !== '');
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      await this.#file.appendFile(group.map(({ lines }) => lines).join(''));
      await this.#file.datasync();
      for (const { settle } of group) settle();
    }
    this.#writing = undefined;
  }
}
