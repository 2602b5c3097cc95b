import type { Bus } from '@sluice/bus';
import type { Clock, Release } from '@sluice/mesh';
import type { Queryable } from '@sluice/postgres';
import { Pulse } from '@sluice/proto';
import { pulseSubject, standingDigest } from '@sluice/replica';
import { listSets } from './store.js';

const pulseEveryMs = 1_000;

export interface PulseOptions {
  readonly db: Queryable;
  readonly bus: Pick<Bus, 'broadcast' | 'isConnected'>;
  readonly clock: Clock;
  readonly instance: string;
}

/**
 * Says every second on the bus what is newest, as one hash over all sets: replicas learn from it
 * that they are up to date, that they miss something, or, by its absence, that the bus is dead. A
 * config whose database is away knows nothing, and says nothing.
 */
export function startPulse(options: PulseOptions): Release {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const beat = async (): Promise<void> => {
    await pulse(options).catch(() => undefined);
    if (!isStopped) timer = setTimeout(() => void beat(), pulseEveryMs);
  };
  const first = beat();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await first;
  };
}

async function pulse({ db, bus, clock, instance }: PulseOptions): Promise<void> {
  if (!bus.isConnected()) return;
  const nowMs = clock.now();
  const sets = await listSets(db);
  const digest = standingDigest(sets);
  const count = sets.filter(({ revision }) => revision > 0).length;
  bus.broadcast(pulseSubject, Pulse.encode({ instance, digest, sets: count, nowMs }).finish());
}
