import type { IncomingHttpHeaders } from 'node:http2';

const header = 'grpc-timeout';

/** Milliseconds of each unit of `grpc-timeout`. */
const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** How long the caller waits, in milliseconds; undefined when it does not say, or says it wrongly: that is for gRPC to refuse. */
export function timeoutOf(headers: IncomingHttpHeaders): number | undefined {
  const text = headers[header];
  if (typeof text !== 'string' || text.length < 2 || text.length > 9) return undefined;
  const unit = unitsMs[text.slice(-1)];
  const count = Number(text.slice(0, -1));
  return unit !== undefined && Number.isInteger(count) && count >= 0 ? count * unit : undefined;
}

/** Says for the caller how long it waits. */
export function setTimeoutOf(headers: IncomingHttpHeaders, timeoutMs: number): void {
  headers[header] = `${Math.max(0, Math.floor(timeoutMs))}m`;
}

/**
 * Gives a call a deadline that came without one, and shortens one that is longer than any may be.
 * @returns how long the call may take, in milliseconds.
 */
export function limitTimeout(headers: IncomingHttpHeaders, defaultMs: number, maxMs: number): number {
  const asked = timeoutOf(headers);
  if (asked === undefined) {
    // What is malformed stays, so that its caller hears of it.
    if (headers[header] === undefined) setTimeoutOf(headers, defaultMs);
    return defaultMs;
  }
  if (asked <= maxMs) return asked;
  setTimeoutOf(headers, maxMs);
  return maxMs;
}
