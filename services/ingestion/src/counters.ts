/** What an instance has done since it started, by name. */
export type CounterName =
  | 'events_received'
  | 'events_recovered'
  | 'events_accepted'
  | 'events_duplicate'
  | 'events_rejected'
  | 'events_dropped'
  | 'events_appended'
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

/** Counts that are told apart by reason, too. */
export type ReasonedName = 'events_rejected' | 'events_dropped';

export interface Counters {
  add(name: CounterName, count: number): void;
  /** Under its name, and under its reason. */
  addFor(name: ReasonedName, reason: string, count: number): void;
  /** Events that came in, and are in hand until `finish`. */
  begin(events: number): void;
  finish(events: number): void;
  /** All of them, also those that are 0. */
  read(): Record<CounterName, number>;
  /** What the books get beside that: counts by reason, such as `events_rejected{name}`, and `in_flight`, what is in hand. */
  readDetails(): Record<string, number>;
}

/** Reasons of one name; more share one. */
const reasonsMax = 50;
const reasonLengthMax = 64;

export function createCounters(): Counters {
  const counts: Record<CounterName, number> = {
    events_received: 0,
    events_recovered: 0,
    events_accepted: 0,
    events_duplicate: 0,
    events_rejected: 0,
    events_dropped: 0,
    events_appended: 0,
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
  const reasons = { events_rejected: new Map<string, number>(), events_dropped: new Map<string, number>() };
  let inFlight = 0;
  return {
    add: (name, count) => {
      counts[name] += count;
    },
    addFor: (name, reason, count) => {
      counts[name] += count;
      addReason(reasons[name], reason, count);
    },
    begin: (events) => {
      counts.events_received += events;
      inFlight += events;
    },
    finish: (events) => {
      inFlight -= events;
    },
    read: () => ({ ...counts }),
    readDetails: () => ({
      ...Object.fromEntries(
        Object.entries(reasons).flatMap(([name, of]) =>
          [...of].map(([reason, count]) => [`${name}{${reason}}`, count]),
        ),
      ),
      in_flight: inFlight,
    }),
  };
}

function addReason(counts: Map<string, number>, reason: string, count: number): void {
  const short = reason.slice(0, reasonLengthMax);
  const key = counts.has(short) || counts.size < reasonsMax ? short : 'other';
  counts.set(key, (counts.get(key) ?? 0) + count);
}

const totals: ReadonlySet<string> = new Set(Object.keys(createCounters().read()));

/** Whether a count of an instance only grows from its start, unlike how much waits somewhere. */
export function isTotal(name: string): boolean {
  return totals.has(name.replace(/\{.*\}$/s, ''));
}
