import type { CallOptions } from '@grpc/grpc-js';
import type { Call } from './call.js';

/** The call that another one is made for. */
export type Within = Pick<Call, 'remainingMs' | 'signal'>;

/** What ends a call before it ends by itself. */
export interface Bounds {
  /** How long it may take, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * The call that this one is made for: it waits no longer than that one's caller, and is cancelled
   * when that one is.
   */
  readonly within?: Within | undefined;
}

/** For work that nobody waits for but its signal. */
export function unhurried(signal: AbortSignal): Within {
  return { signal, remainingMs: () => Number.POSITIVE_INFINITY };
}

/** How long a call may take, in milliseconds; infinite when nothing bounds it. */
export function leftMsOf({ timeoutMs = Number.POSITIVE_INFINITY, within }: Bounds): number {
  return within === undefined ? timeoutMs : Math.min(timeoutMs, within.remainingMs());
}

/** Deadline of a call that has so much time. */
export function deadlineIn(leftMs: number): CallOptions {
  return leftMs === Number.POSITIVE_INFINITY ? {} : { deadline: Date.now() + leftMs };
}

export function isAborted({ signal, within }: Bounds): boolean {
  return signal?.aborted === true || within?.signal.aborted === true;
}

/** Calls `cancel` when a bound says so, at once when it has said so already; until it is released. */
export function onAbort({ signal, within }: Bounds, cancel: () => void): () => void {
  const signals = [signal, within?.signal].filter((one) => one !== undefined);
  for (const one of signals) one.addEventListener('abort', cancel, { once: true });
  if (signals.some(({ aborted }) => aborted)) cancel();
  return () => {
    for (const one of signals) one.removeEventListener('abort', cancel);
  };
}
