import { createReadStream, readdirSync, statSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** The world as a command sees it; the only place that writes to the terminal. */
export interface Io {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly cwd: string;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  out(text: string): void;
  err(text: string): void;
  /** Reads a file, or standard input for `-`, and stops soon after `bytesMax`: more bytes than that are too many. */
  read(path: string, bytesMax: number): Promise<Buffer>;
  /** Reads a file, or standard input for `-`, piece by piece. */
  stream(path: string): AsyncIterable<Uint8Array>;
  write(path: string, text: string): void;
  /** Bytes of a file; absent, or undefined, where there is no telling. */
  size?(path: string): number | undefined;
  /** The files of a folder, by name. */
  list(folder: string): string[];
}

export function processIo(): Io {
  // `sluice gates | head` closes the pipe early: that is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    env: process.env,
    cwd: process.cwd(),
    isTerminal: process.stdout.isTTY === true,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    read: (path, bytesMax) => readUpTo(open(path), bytesMax),
    stream: open,
    write: (path, text) => writeFileSync(path, text),
    size: (path) => (path === '-' ? undefined : statSync(path, { throwIfNoEntry: false })?.size),
    list: (folder) =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map(({ name }) => name),
  };
}

function open(path: string): Readable {
  return path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 20 });
}

/** Devices and pipes have no size to ask for, so the bytes are counted as they come. */
async function readUpTo(stream: Readable, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > bytesMax) break;
  }
  return Buffer.concat(chunks);
}
