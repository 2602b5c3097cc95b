import { createServer, type Socket } from 'node:net';
import type { HostPort } from './env.js';
import type { Front } from './front.js';
import { Slices } from './slices.js';

/** The socket that a server listens on. */
export interface Listening {
  readonly port: number;
  /** Takes no more connections; those that were taken go on. */
  close(): void;
}

/** Connections that wait to be taken in; more are turned away, and come back by themselves. */
const waitingMax = 10_000;
/** Connections that the system holds for us while we are busy. */
const backlog = 4_096;

/**
 * Listens for a server. Setting a connection up costs as much as dozens of calls, and so does its end:
 * a thousand that come or go at once, because an instance or a proxy has just died, must not keep
 * everybody's calls waiting until the last of them is done with.
 */
export function listen(front: Front, { host, port }: HostPort): Promise<Listening> {
  const { connections, counts } = front;
  const slices = new Slices();
  const waiting = new Set<Socket>();
  const takeIn = (socket: Socket): void => {
    if (!waiting.delete(socket) || socket.destroyed) return;
    endInTurn(socket, slices, () => front.serve(socket));
  };
  const sockets = createServer({ noDelay: true }, (socket) => {
    // Whoever leaves before its turn is no fault of ours.
    socket.on('error', () => socket.destroy());
    if (waiting.size >= waitingMax) {
      counts.connectionsRefused.waiting++;
      socket.destroy();
      return;
    }
    if (!connections.admit(socket)) return;
    waiting.add(socket);
    slices.add(() => takeIn(socket));
  });
  const close = (): void => {
    sockets.close();
    for (const socket of waiting) socket.destroy();
    waiting.clear();
  };
  return new Promise((resolve, reject) => {
    sockets.once('error', (error) => reject(new Error(`Can't listen on ${host}:${port}: ${error.message}`)));
    sockets.listen({ host, port, backlog }, () => {
      const bound = sockets.address();
      resolve({ port: typeof bound === 'object' && bound !== null ? bound.port : port, close });
    });
  });
}

/** What `serve` wants to do when the connection fails or closes is done in its turn. */
function endInTurn(socket: Socket, slices: Slices, serve: () => void): void {
  const events = ['error', 'close'] as const;
  const before = new Set(events.flatMap((event) => socket.listeners(event)));
  serve();
  for (const event of events) {
    for (const listener of socket.listeners(event)) {
      if (before.has(listener)) continue;
      socket.off(event, listener as () => void);
      socket.on(event, (...args: unknown[]) => slices.add(() => Reflect.apply(listener, socket, args)));
    }
  }
}
