/** What instances of ingestion say of themselves, over all their starts; pure. */
import type { RegionBooks } from '@sluice/proto';
import { isTotal, type ReasonedName } from '../counters.js';

/** An instance that said nothing for so long is not running, in milliseconds: nothing of its memory is on its way. */
export const silentMs = 15_000;

type Counts = Readonly<Record<string, number>>;

/** What an instance said last: of one start, or of all of them together. */
export interface Said {
  readonly region: string;
  readonly instance: string;
  readonly counters: Counts;
  readonly reportedAtMs: number;
}

export const placeOf = ({ region, instance }: { region: string; instance: string }): string =>
  JSON.stringify([region, instance]);

/**
 * One for each instance: totals of all starts are added up, levels are those of the last. `forgotten` is what
 * remains of starts that are known no longer; the starts of an instance come in order.
 */
export function foldStarts(forgotten: readonly Said[], starts: readonly Said[]): Map<string, Said> {
  const says = new Map(forgotten.map((said) => [placeOf(said), said]));
  for (const start of starts) {
    const before = says.get(placeOf(start));
    const ended = before ? endOf(before.counters, true) : {};
    says.set(placeOf(start), { ...start, counters: sumOf(ended, beginningOf(start.counters)) });
  }
  return says;
}

/**
 * What stays of a start that ended: its totals. What it had in hand is gone. What it had on disk its successor has
 * counted as its own; without one, nobody will bring it.
 */
export function endOf(counters: Counts, hasSuccessor: boolean): Counts {
  const { in_flight: crashed = 0, unverified_pending: unverified = 0, spool_events: spooled = 0 } = counters;
  const isKept = (name: string): boolean => isTotal(name) || name === 'events_abandoned';
  const totals: Counts = Object.fromEntries(Object.entries(counters).filter(([name]) => isKept(name)));
  const left = hasSuccessor
    ? { events_received: -unverified }
    : { ...dropped('abandoned', unverified), events_abandoned: spooled };
  return [dropped('crashed', crashed), left].reduce(sumOf, totals);
}

const dropped = (reason: string, count: number): Counts =>
  count === 0 ? {} : { events_dropped: count, [`events_dropped{${reason}}`]: count };

/** Its first words: events that it found on its disk came in a second time. Older processes did not count all of this. */
export function beginningOf(counters: Counts): Counts {
  const { unverified_pending: unverified = 0, events_recovered: recovered = 0 } = counters;
  const { events_accepted: accepted = 0, events_appended: appended = accepted } = counters;
  const received = counters.events_received ?? settledOf(counters) + unverified - recovered;
  return { ...counters, events_received: received + recovered, events_recovered: 0, events_appended: appended };
}

function settledOf(counters: Counts): number {
  const { events_accepted = 0, events_duplicate = 0, events_rejected = 0, events_dropped = 0 } = counters;
  return (
    events_accepted + events_duplicate + events_rejected + events_dropped + (counters.events_unverified_refused ?? 0)
  );
}

function sumOf(one: Counts, other: Counts): Counts {
  const sum: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

const isRunning = ({ reportedAtMs }: Said, nowMs: number): boolean => reportedAtMs > nowMs - silentMs;

const onDisk = ({ counters }: Said): number => (counters.spool_events ?? 0) + (counters.unverified_pending ?? 0);

/** Whether an instance that runs still has something to bring. */
export function isOnItsWay(said: Said, nowMs: number): boolean {
  return isRunning(said, nowMs) && (onDisk(said) > 0 || (said.counters.append_bytes_pending ?? 0) > 0);
}

/** The newest word of each region but one on how many messages wait in its log. */
export function logsElsewhere(says: Iterable<Said>, here: string): Said[] {
  const newest = new Map<string, Said>();
  for (const said of says) {
    if (said.region === here || said.counters.log_pending === undefined) continue;
    if (said.reportedAtMs > (newest.get(said.region)?.reportedAtMs ?? 0)) newest.set(said.region, said);
  }
  return [...newest.values()];
}

/** Messages that wait in logs of which somebody still speaks. */
export function pendingIn(logs: readonly Said[], nowMs: number): number {
  return logs.reduce((sum, said) => sum + (isRunning(said, nowMs) ? (said.counters.log_pending ?? 0) : 0), 0);
}

/** What lies where nobody brings it from, a sentence each: it is no reason not to look at the rest. */
export function leftBehind(says: Iterable<Said>, logs: readonly Said[], nowMs: number): string[] {
  const since = ({ reportedAtMs }: Said): string => `silent since ${new Date(reportedAtMs).toISOString()}`;
  const disks = [...says].filter((said) => !isRunning(said, nowMs) && onDisk(said) > 0);
  const dumb = logs.filter((said) => !isRunning(said, nowMs) && (said.counters.log_pending ?? 0) > 0);
  return [
    ...disks.map(
      (said) =>
        `${said.region}/${said.instance}: ${onDisk(said)} events in its spool, and it is ${since(said)}; start it again where its disk is`,
    ),
    ...dumb.map(
      (said) =>
        `${said.region}: ${said.counters.log_pending} messages in its log, and all of its ingestion is ${since(said)}`,
    ),
  ];
}

/** What the store did with the events of one instance. */
export interface Settled {
  readonly region: string;
  readonly taken: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly buried: number;
}

/** Both sides of each region. */
export function regionBooksOf(says: Iterable<Said>, rows: readonly Settled[]): RegionBooks[] {
  const saidIn = Map.groupBy(says, ({ region }) => region);
  const rowsIn = Map.groupBy(rows, ({ region }) => region);
  const regions = [...new Set([...saidIn.keys(), ...rowsIn.keys()])].filter((region) => region !== '').sort();
  return regions.map((region) => {
    const counters = (saidIn.get(region) ?? []).map((said) => said.counters).reduce(sumOf, {});
    const of = (name: string): number => counters[name] ?? 0;
    const total = (name: keyof Omit<Settled, 'region'>): number =>
      (rowsIn.get(region) ?? []).reduce((sum, row) => sum + row[name], 0);
    return {
      ...{ region, received: of('events_received'), accepted: of('events_accepted') },
      ...{ duplicate: of('events_duplicate'), rejected: byReason(counters, 'events_rejected') },
      dropped: { ...byReason(counters, 'events_dropped'), ...given('unverified', of('events_unverified_refused')) },
      ...{ unverified: of('unverified_pending'), inFlight: of('in_flight'), appended: of('events_appended') },
      ...{ spooled: of('spool_events'), abandoned: of('events_abandoned') },
      ...{ taken: total('taken'), stored: total('stored'), known: total('duplicate'), buried: total('buried') },
    };
  });
}

/** What has no reason comes from processes that told none. */
function byReason(counters: Counts, name: ReasonedName): Record<string, number> {
  const found = Object.entries(counters).filter(([key, count]) => key.startsWith(`${name}{`) && count > 0);
  const reasons = Object.fromEntries(found.map(([key, count]) => [key.slice(name.length + 1, -1), count]));
  const rest = (counters[name] ?? 0) - found.reduce((sum, [, count]) => sum + count, 0);
  return { ...reasons, ...given('unknown', rest) };
}

const given = (reason: string, count: number): Record<string, number> => (count > 0 ? { [reason]: count } : {});
