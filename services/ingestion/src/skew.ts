/** Below this the difference is the journey's length rather than a wrong clock, in milliseconds. */
const toleranceMs = 2_000;

/**
 * How far the sender's clock is behind ours, in milliseconds: what to add to its times.
 * 0 when it did not say when it sent, or is right within the time that a journey takes.
 */
export function skewOf(sentAtMs: number, receivedAtMs: number): number {
  if (sentAtMs === 0) return 0;
  const skewMs = receivedAtMs - sentAtMs;
  return Math.abs(skewMs) <= toleranceMs ? 0 : skewMs;
}
