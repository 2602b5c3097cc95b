import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Cut, ListenerOptions, ListenerReport } from './propagation-listeners.js';

export interface Arrival {
  /** When the first and the last listener had it, Unix milliseconds with fractions. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Listeners in a process of their own. */
export interface Crowd {
  /** Waits until all of them have message or revision `id`. @throws Error after `timeoutMs`. */
  all(id: number, timeoutMs?: number): Promise<Arrival>;
  readonly pid: number;
  /** Resets every connection at once. */
  cut(): void;
  stop(): void;
}

const readyWithinMs = 60_000;
const arriveWithinMs = 20_000;

/** Starts listeners, and waits until each is connected; `greet` is called now and then until they are. */
export async function startCrowd(options: ListenerOptions, greet: () => void): Promise<Crowd> {
  const child = fork(new URL('./propagation-listeners.js', import.meta.url));
  const arrivals = new Map<number, Arrival>();
  const waiting = new Map<number, (arrival: Arrival) => void>();
  const ready = Promise.withResolvers<void>();
  child.on('message', (message) => {
    const line = message as ListenerReport;
    if (line.kind === 'ready') return ready.resolve();
    arrivals.set(line.id, line);
    waiting.get(line.id)?.(line);
    waiting.delete(line.id);
  });
  child.on('exit', () => ready.reject(new Error('the listeners died')));
  ready.promise.catch(() => undefined);
  child.send(options);
  const greeting = setInterval(greet, 50);
  await within(ready.promise, readyWithinMs, `${options.count} listeners (${options.kind}) are connected`).finally(() =>
    clearInterval(greeting),
  );
  return {
    pid: child.pid ?? 0,
    all: (id, timeoutMs = arriveWithinMs) => {
      const known = arrivals.get(id);
      if (known) return Promise.resolve(known);
      const arrival = new Promise<Arrival>((resolve) => waiting.set(id, resolve));
      return within(arrival, timeoutMs, `all ${options.count} listeners (${options.kind}) have ${id}`);
    },
    cut: () => void child.send('cut' satisfies Cut),
    stop: () => {
      if (child.connected) child.disconnect();
      void once(child, 'exit');
    },
  };
}

async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not within ${timeoutMs} ms: ${what}`)), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
