import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Give up after this long; 20 s unless said. */
  readonly deadlineMs?: number;
  /** Wait between tries; 20 ms unless said. */
  readonly intervalMs?: number;
}

/**
 * Runs `attempt` until it neither throws nor returns false.
 * @returns what the attempt that succeeded returned.
 * @throws the last attempt's error at the deadline.
 */
export async function eventually<T>(attempt: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { deadlineMs = 20_000, intervalMs = 20 } = options;
  const until = Date.now() + deadlineMs;
  for (;;) {
    const failure = await tryOnce(attempt);
    if ('value' in failure) return failure.value;
    if (Date.now() > until) {
      throw new Error(`Not within ${deadlineMs} ms: ${describe(failure.error)}`, { cause: failure.error });
    }
    await sleep(intervalMs);
  }
}

type Outcome<T> = { value: T } | { error: unknown };

async function tryOnce<T>(attempt: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    const value = await attempt();
    return value === false ? { error: 'the condition is still false' } : { value };
  } catch (error) {
    return { error };
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
