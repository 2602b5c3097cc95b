/** The segment file that is being written. */
import { type FileHandle, open } from 'node:fs/promises';

export class SegmentWriter {
  readonly #file: FileHandle;
  /** Bytes that are known to be on stable storage. */
  #syncedBytes = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @throws when the file exists: two processes never share a segment. */
  static async create(path: string): Promise<SegmentWriter> {
    return new SegmentWriter(await open(path, 'wx'));
  }

  /**
   * Resolves once all of it is on stable storage. On failure the file is cut back as far as the
   * disk lets it; whatever is left behind the cut fails its checksum or was never acknowledged.
   */
  async append(chunks: readonly Uint8Array[]): Promise<void> {
    const bytes = Buffer.concat(chunks);
    try {
      let at = 0;
      while (at < bytes.length) {
        const left = bytes.length - at;
        at += (await this.#file.write(bytes, at, left, this.#syncedBytes + at)).bytesWritten;
      }
      await this.#file.datasync();
      this.#syncedBytes += bytes.length;
    } catch (error) {
      await this.#file.truncate(this.#syncedBytes).catch(() => undefined);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
