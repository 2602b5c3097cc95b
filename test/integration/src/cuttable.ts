import { createServer, connect as dial, type Socket } from 'node:net';

/** A TCP proxy whose connections can be cut, or go dead without a word. */
export interface Cuttable {
  /** `host:port`. */
  readonly address: string;
  /** Ends every connection at once; new ones are taken. */
  cut(): void;
  /** Ends every connection with a TCP reset to both sides, in the middle of whatever they say; new ones are taken. */
  reset(): void;
  /** Nothing passes any more on the connections of now, which stay open; new ones are taken. */
  freeze(): void;
  close(): Promise<void>;
}

/** Stands in front of a server, on a free port unless one is given. */
export async function cuttable(target: string, listenPort = 0): Promise<Cuttable> {
  const [host, port] = target.split(':');
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    const far = dial(Number(port), host);
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(listenPort, '127.0.0.1', resolve));
  const bound = server.address();
  const cut = (): void => {
    for (const [near, far] of [...pairs]) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    address: `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`,
    cut,
    reset: () => {
      for (const [near, far] of [...pairs]) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    },
    freeze: () => {
      for (const [near, far] of pairs) {
        near.unpipe(far).pause();
        far.unpipe(near).pause();
      }
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
