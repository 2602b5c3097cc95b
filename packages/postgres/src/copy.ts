import { withSpan } from '@sluice/mesh';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import type { Statement } from './statement.js';

/**
 * Runs `copy … from stdin` on a connection. @returns how many rows went in.
 * @throws the driver's error when the server refuses a row; an Error with the deadline when
 * nothing was answered in time: the connection is of no use then.
 */
export function copyIn(
  client: pg.PoolClient,
  { name, text }: Statement,
  chunks: Iterable<Uint8Array>,
  timeoutMs: number,
): Promise<number> {
  return withSpan(`db.copy ${name}`, { kind: 'client', attributes: { 'db.system.name': 'postgresql' } }, () =>
    send(client, text, chunks, timeoutMs),
  );
}

function send(client: pg.PoolClient, text: string, chunks: Iterable<Uint8Array>, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = client.query(from(text));
    const over = new AbortController();
    const lost = (): void => fail(new Error('Connection terminated unexpectedly'));
    const timer = setTimeout(() => fail(new Error(`COPY was not answered within ${timeoutMs} ms`)), timeoutMs);
    const settle = (): void => {
      over.abort();
      clearTimeout(timer);
      client.off('end', lost);
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
    };
    stream.on('error', fail);
    client.once('end', lost);
    stream.on('finish', () => {
      settle();
      resolve(stream.rowCount ?? 0);
    });
    void pour(chunks, stream, over.signal).catch(fail);
  });
}

/**
 * Writes as fast as the connection takes it, one chunk at a time: the stream forgets its connection
 * when the server refuses a row, and would stumble over chunks that still wait in it.
 */
async function pour(chunks: Iterable<Uint8Array>, stream: ReturnType<typeof from>, over: AbortSignal): Promise<void> {
  for (const chunk of chunks) {
    await new Promise((resolve) => stream.write(chunk, resolve));
    if (over.aborted) return;
  }
  stream.end();
}
