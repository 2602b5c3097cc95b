/**
 * What a transaction adds to usage: a line for each event name and day, with a sketch of its units; pure.
 * Anybody who may send events may invent names: those past the limit of a set's day share one.
 */

import { otherName, usageNamesMax } from '../limits.js';
import { dayOf, type EventRow } from '../writer/rows.js';
import { HyperLogLog } from './hyperloglog.js';

export interface UsageDelta {
  readonly project: string;
  readonly environment: string;
  readonly day: string;
  readonly name: string;
  events: number;
  total: number;
  firstAtMs: number;
  lastAtMs: number;
  readonly units: HyperLogLog;
}

const dayMs = 86_400_000;

export function foldUsage(rows: readonly EventRow[]): UsageDelta[] {
  // A map for each set and day: looking a name up is all that most events cost.
  const days = new Map<string, Map<string, UsageDelta>>();
  let names: Map<string, UsageDelta> = new Map();
  let last = { project: '', environment: '', day: Number.NaN };
  for (const row of rows) {
    const { project, environment, happenedAtMs } = row;
    const day = Math.floor(happenedAtMs / dayMs);
    if (day !== last.day || project !== last.project || environment !== last.environment) {
      last = { project, environment, day };
      const place = `${project}\0${environment}\0${day}`;
      names = days.get(place) ?? new Map();
      days.set(place, names);
    }
    const name = names.has(row.name) || names.size < usageNamesMax ? row.name : otherName;
    const held = names.get(name) ?? deltaOf(row, name);
    names.set(name, held);
    add(held, row);
  }
  return [...days.values()].flatMap((deltas) => [...deltas.values()]);
}

function deltaOf({ project, environment, happenedAtMs }: EventRow, name: string): UsageDelta {
  return {
    ...{ project, environment, name },
    day: dayOf(happenedAtMs),
    events: 0,
    total: 0,
    firstAtMs: happenedAtMs,
    lastAtMs: happenedAtMs,
    units: new HyperLogLog(),
  };
}

function add(held: UsageDelta, { numberValue, happenedAtMs, unit }: EventRow): void {
  held.events += 1;
  held.total += numberValue ?? 0;
  if (happenedAtMs < held.firstAtMs) held.firstAtMs = happenedAtMs;
  if (happenedAtMs > held.lastAtMs) held.lastAtMs = happenedAtMs;
  if (unit) held.units.add(unit);
}
