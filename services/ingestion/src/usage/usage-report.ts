/** Rows of usage, put together for whoever asked; pure. */
import { invalid } from '@sluice/mesh';
import type { GetEventsResponse, GetUsageResponse, UniqueUnits, UsageDay } from '@sluice/proto';
import type { UsageRow } from '../writer/store.js';
import { HyperLogLog, standardError } from './hyperloglog.js';

/** @param rows all rows of one name. */
export function eventsOf(rows: readonly UsageRow[]): GetEventsResponse {
  const units = new HyperLogLog();
  const found = { count: 0, sum: 0, firstAtMs: Number.POSITIVE_INFINITY, lastAtMs: 0 };
  for (const row of rows) {
    found.count += row.events;
    found.sum += row.total;
    found.firstAtMs = Math.min(found.firstAtMs, row.firstAtMs);
    found.lastAtMs = Math.max(found.lastAtMs, row.lastAtMs);
    units.mergeEncoded(row.units);
  }
  return { ...found, firstAtMs: rows.length === 0 ? 0 : found.firstAtMs, units: units.count() };
}

interface Gathered {
  readonly day: string;
  readonly name: string;
  events: number;
  sum: number;
  readonly units: HyperLogLog;
}

/**
 * The rows may be those of one name or of all; units of all names are those of the rows together.
 * @param parts each with every row of its days, so that sketches are held for one part at a time
 * @throws SluiceError `invalid` when there is too much for one answer
 */
export async function usageOf(
  parts: Iterable<readonly UsageRow[]> | AsyncIterable<readonly UsageRow[]>,
): Promise<GetUsageResponse> {
  const days: UsageDay[] = [];
  const unitsByDay: UniqueUnits[] = [];
  const byMonth = new Map<string, HyperLogLog>();
  for await (const rows of parts) {
    const names = new Map<string, Gathered>();
    const byDay = new Map<string, HyperLogLog>();
    for (const row of rows) {
      mergeInto(byDay, row.day, row.units);
      mergeInto(byMonth, row.day.slice(0, 7), row.units);
      // All names together tell nothing about any one of them.
      if (row.name !== '') gather(names, row);
    }
    for (const gathered of names.values()) days.push(dayOfGathered(gathered));
    unitsByDay.push(...periodsOf(byDay));
    if (days.length > linesMax) {
      throw invalid('first_day', `asks for more than ${linesMax} names and days; ask in parts, or for one name`);
    }
  }
  return {
    days: days.sort(byDayThenName),
    unitsByDay: unitsByDay.sort(byPeriod),
    unitsByMonth: periodsOf(byMonth).sort(byPeriod),
    unitsError: standardError,
  };
}

/** Names and days of one answer: with the longest names about three megabytes. */
const linesMax = 20_000;

function gather(days: Map<string, Gathered>, { day, name, events, total, units }: UsageRow): void {
  const place = `${day} ${name}`;
  const held = days.get(place) ?? { day, name, events: 0, sum: 0, units: new HyperLogLog() };
  days.set(place, held);
  held.events += events;
  held.sum += total;
  held.units.mergeEncoded(units);
}

const dayOfGathered = ({ units, ...rest }: Gathered): UsageDay => ({ ...rest, units: units.count() });

const byDayThenName = (left: UsageDay, right: UsageDay): number =>
  left.day === right.day ? (left.name < right.name ? -1 : 1) : left.day < right.day ? -1 : 1;

const byPeriod = (left: UniqueUnits, right: UniqueUnits): number => (left.period < right.period ? -1 : 1);

function mergeInto(periods: Map<string, HyperLogLog>, period: string, units: Uint8Array): void {
  const held = periods.get(period) ?? new HyperLogLog();
  periods.set(period, held);
  held.mergeEncoded(units);
}

function periodsOf(periods: ReadonlyMap<string, HyperLogLog>): UniqueUnits[] {
  return [...periods].map(([period, units]) => ({ period, units: units.count() }));
}
