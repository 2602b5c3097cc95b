/** What an instance has done since it started, by name. */
export type CounterName =
  | 'events_accepted'
  | 'events_duplicate'
  | 'events_rejected'
  | 'requests_malformed'
  | 'events_unverified'
  | 'events_unverified_refused'
  | 'events_spooled'
  | 'events_unspooled'
  | 'events_written'
  | 'events_deduplicated'
  | 'events_buried'
  | 'messages_buried'
  | 'exposures_written';

export interface Counters {
  add(name: CounterName, count: number): void;
  /** All of them, also those that are 0. */
  read(): Record<CounterName, number>;
}

export function createCounters(): Counters {
  const counts: Record<CounterName, number> = {
    events_accepted: 0,
    events_duplicate: 0,
    events_rejected: 0,
    requests_malformed: 0,
    events_unverified: 0,
    events_unverified_refused: 0,
    events_spooled: 0,
    events_unspooled: 0,
    events_written: 0,
    events_deduplicated: 0,
    events_buried: 0,
    messages_buried: 0,
    exposures_written: 0,
  };
  return {
    add: (name, count) => {
      counts[name] += count;
    },
    read: () => ({ ...counts }),
  };
}

const totals: ReadonlySet<string> = new Set(Object.keys(createCounters().read()));

/** Whether a count of an instance only grows from its start, unlike how much waits somewhere. */
export function isTotal(name: string): boolean {
  return totals.has(name);
}
