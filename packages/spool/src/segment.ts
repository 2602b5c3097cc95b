/** The segment file that is being written. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeRecord, markerBytes, type SpoolRecord, segmentName } from './record.js';

/** Opens files; tests bring a disk that fails. */
export type OpenFile = (path: string, flags: string) => Promise<FileHandle>;

export class SegmentWriter {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #marker: Uint8Array;
  /** Bytes that are known to be on stable storage. */
  #syncedBytes = 0;

  private constructor(path: string, file: FileHandle, marker: Uint8Array) {
    this.path = path;
    this.#file = file;
    this.#marker = marker;
  }

  /** @throws when the file exists: two processes never share a segment. */
  static async create(directory: string, serial: number, openFile: OpenFile = open): Promise<SegmentWriter> {
    const marker = randomBytes(markerBytes);
    const path = join(directory, segmentName(serial, marker));
    return new SegmentWriter(path, await openFile(path, 'wx'), marker);
  }

  /**
   * Resolves once all of it is on stable storage; answers how many bytes that took. On failure the file is
   * cut back as far as the disk lets it; whatever is left behind the cut fails its checksum or was never acknowledged.
   */
  async append(records: readonly SpoolRecord[]): Promise<number> {
    const bytes = Buffer.concat(records.map((record) => encodeRecord(record, this.#marker)));
    try {
      let at = 0;
      while (at < bytes.length) {
        const left = bytes.length - at;
        at += (await this.#file.write(bytes, at, left, this.#syncedBytes + at)).bytesWritten;
      }
      await this.#file.datasync();
      this.#syncedBytes += bytes.length;
      return bytes.length;
    } catch (error) {
      await this.#file.truncate(this.#syncedBytes).catch(() => undefined);
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
