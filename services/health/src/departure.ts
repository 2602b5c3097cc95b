import { HealthState } from '@sluice/proto';
import type { Member } from './roster.js';

/** Who leaves Consul after a longer silence has not left by itself: Consul gave it up. Milliseconds. */
const givenUpAfterMs = 30_000;

/**
 * Whether an instance that is no longer in Consul crashed. What is stopped on purpose leaves Consul
 * first and falls silent then; what crashed is silent first, and taken off the list minutes later.
 */
export function hasCrashed(silentSinceMs: number | undefined, nowMs: number): boolean {
  return silentSinceMs !== undefined && nowMs - silentSinceMs >= givenUpAfterMs;
}

/** How long those that are not in Consul any more are still shown, in milliseconds. */
export interface Keeping {
  /** Those that were stopped on purpose. */
  readonly goneKeptMs: number;
  /** Those that crashed, and the last of a service in a region that goes on without it. */
  readonly crashedKeptMs: number;
}

/** Whether one that left Consul and does not answer can be forgotten, `quietMs` after its last sign of life. */
export function isForgotten(one: Member, all: readonly Member[], quietMs: number, keeping: Keeping): boolean {
  if (quietMs >= keeping.crashedKeptMs) return true;
  if (quietMs < keeping.goneKeptMs) return false;
  const peers = all.filter((other) => other.region === one.region && other.instance !== one.instance);
  if (one.hasCrashed) return peers.some((other) => other.service === one.service && replaces(other, one));
  const isLast = !peers.some(({ service }) => service === one.service);
  return !(isLast && peers.some(({ isListed }) => isListed));
}

/** One that came after the other had fallen silent, as pods do. */
function replaces(other: Member, { silentSinceMs = Number.POSITIVE_INFINITY }: Member): boolean {
  return other.verdict.state === HealthState.SERVING && other.joinedAtMs > silentSinceMs;
}
