import { setImmediate as turn } from 'node:timers/promises';

/** Long work in steps: each `yield` is a place where something else may go first. */
export type Steps<T> = Generator<void, T>;

/** How long steps may go on before the event loop gets its turn, in milliseconds. */
const sliceMs = 5;

/** Does it all at once. */
export function runSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Does it a few milliseconds at a time, so that calls and heartbeats of the process go on meanwhile. */
export async function runSliced<T>(steps: Steps<T>): Promise<T> {
  let until = performance.now() + sliceMs;
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() < until) continue;
    await turn();
    until = performance.now() + sliceMs;
  }
}
