import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Is nobody listening on this port of a loopback host? */
export function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Below the range from which Linux takes the ports of outgoing connections, so that those don't get in the way. */
const lowest = 15_000;
const highest = 31_999;
const triesMax = 200;

/** Free loopback ports for throw-away processes. Another process may still be faster: retry when one is. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > triesMax + count) throw new Error(`found no ${count} free ports between ${lowest} and ${highest}`);
    const port = randomInt(lowest, highest);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}
