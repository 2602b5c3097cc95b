/** Spreads a wait over half to one and a half of it, so that many waiters don't return at once. */
export function jitter(ms: number): number {
  return ms * (0.5 + Math.random());
}

/** Wait before the given attempt (from 0), doubling from `firstMs` up to `maxMs`, spread out. */
export function backoff(attempt: number, firstMs: number, maxMs: number): number {
  return Math.min(jitter(firstMs * 2 ** Math.min(attempt, 30)), maxMs);
}
