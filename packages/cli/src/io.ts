import { createReadStream, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

/** The world as a command sees it; the only place that writes to the terminal. */
export interface Io {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly cwd: string;
  /** Standard output is a terminal. */
  readonly isTerminal: boolean;
  out(text: string): void;
  err(text: string): void;
  /** Reads a file, or standard input for `-`. */
  read(path: string): Promise<Buffer>;
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
    read: async (path) => (path === '-' ? readAll(process.stdin) : readFileSync(path)),
    stream: (path) => (path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 20 })),
    write: (path, text) => writeFileSync(path, text),
    size: (path) => (path === '-' ? undefined : statSync(path, { throwIfNoEntry: false })?.size),
    list: (folder) =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map(({ name }) => name),
  };
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
