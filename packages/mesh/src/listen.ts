import { createServer, type Socket } from 'node:net';
import type { HostPort } from './env.js';
import type { Front } from './front.js';

/** The socket that a server listens on. */
export interface Listening {
  readonly port: number;
  /** Takes no more connections; those that were taken go on. */
  close(): void;
}

/** How long connections may be taken in before calls get their turn, in milliseconds; one is taken in at least. */
const sliceMs = 1;
/** Connections that wait to be taken in; more are turned away, and come back by themselves. */
const waitingMax = 10_000;
/** Connections that the system holds for us while we are busy. */
const backlog = 4_096;

/**
 * Listens for a server, and takes connections in a few at a time. Setting a connection up costs as
 * much as dozens of calls; a thousand that come at once, because another instance has just died,
 * must not keep everybody's calls waiting until the last of them is set up.
 */
export function listen(front: Front, { host, port }: HostPort): Promise<Listening> {
  const { connections, counts } = front;
  const waiting: Socket[] = [];
  let isTaking = false;
  const take = (): void => {
    const until = performance.now() + sliceMs;
    for (let socket = waiting.shift(); socket; socket = waiting.shift()) {
      if (!socket.destroyed) front.serve(socket);
      if (performance.now() < until) continue;
      setImmediate(take);
      return;
    }
    isTaking = false;
  };
  const sockets = createServer({ noDelay: true }, (socket) => {
    // Whoever leaves before its turn is no fault of ours.
    socket.on('error', () => socket.destroy());
    if (waiting.length >= waitingMax) {
      counts.connectionsRefused.waiting++;
      socket.destroy();
      return;
    }
    if (!connections.admit(socket)) return;
    waiting.push(socket);
    if (isTaking) return;
    isTaking = true;
    setImmediate(take);
  });
  const close = (): void => {
    sockets.close();
    for (const socket of waiting.splice(0)) socket.destroy();
  };
  return new Promise((resolve, reject) => {
    sockets.once('error', (error) => reject(new Error(`Can't listen on ${host}:${port}: ${error.message}`)));
    sockets.listen({ host, port, backlog }, () => {
      const bound = sockets.address();
      resolve({ port: typeof bound === 'object' && bound !== null ? bound.port : port, close });
    });
  });
}
