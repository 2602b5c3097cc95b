/** One function for each RPC that reads what was counted. */
import { type Call, type Clock, invalid, requireKind } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import type {
  GetEventsRequest,
  GetEventsResponse,
  GetExposuresRequest,
  GetExposuresResponse,
  GetUsageRequest,
  GetUsageResponse,
  SetRef,
} from '@sluice/proto';
import { type Handling, requireKnownSet } from './handlers.js';
import { eventsOf, usageOf } from './usage/usage-report.js';
import { dayOf } from './writer/rows.js';
import { readExposures, readUsage } from './writer/store.js';

export interface Reading {
  readonly database: Database;
  readonly sets: Handling['sets'];
  readonly clock: Clock;
}

/** Units and exposures of one entity, by group. */
export async function getExposures(
  reading: Reading,
  { set: asked, key, isDaily }: GetExposuresRequest,
  call: Call,
): Promise<GetExposuresResponse> {
  requireKind(call.principal, 'console', 'server');
  if (key === '') throw invalid('key', 'is empty; name a gate, config, experiment or layer');
  requireStorable('key', key);
  const set = await requireKnownSet(reading, call.principal, asked);
  return { groups: await readExposures(reading.database, set, key, isDaily) };
}

/** Days before the first event and after the last. */
const everyDay = ['-infinity', 'infinity'] as const;

/** Count and sum of one event name. */
export async function getEvents(
  reading: Reading,
  { set: asked, name }: GetEventsRequest,
  call: Call,
): Promise<GetEventsResponse> {
  requireKind(call.principal, 'console', 'server');
  if (name === '') throw invalid('name', 'is empty; name an event');
  requireStorable('name', name);
  const set = await requireKnownSet(reading, call.principal, asked);
  return eventsOf(await readUsage(reading.database, set, name, ...everyDay));
}

const dayMs = 86_400_000;
const defaultDays = 30;
/** Days of one question. */
const daysMax = 366;

/** Events by day and name, and unique units. */
export async function getUsage(
  reading: Reading,
  { set: asked, firstDay, lastDay, name }: GetUsageRequest,
  call: Call,
): Promise<GetUsageResponse> {
  requireKind(call.principal, 'console', 'server');
  requireStorable('name', name);
  const lastMs = lastDay === '' ? reading.clock.now() : requireDay('last_day', lastDay);
  const firstMs = firstDay === '' ? lastMs - (defaultDays - 1) * dayMs : requireDay('first_day', firstDay);
  if (firstMs > lastMs) throw invalid('first_day', 'lies after last_day; swap them');
  if (lastMs - firstMs >= daysMax * dayMs)
    throw invalid('first_day', `is over ${daysMax} days before last_day; ask in parts`);
  const set = await requireKnownSet(reading, call.principal, asked);
  return usageOf(readDays(reading.database, set, name, firstMs, lastMs));
}

/** Day by day: each name of a day has a sketch of up to four kilobytes. */
async function* readDays(database: Database, set: SetRef, name: string, firstMs: number, lastMs: number) {
  for (let ms = firstMs; ms <= lastMs; ms += dayMs) yield await readUsage(database, set, name, dayOf(ms), dayOf(ms));
}

/** @returns Unix milliseconds of its start. */
export function requireDay(field: string, text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms) || dayOf(ms) !== text) throw invalid(field, 'is not a day; write it such as 2026-11-22');
  return ms;
}

function requireStorable(field: string, text: string): void {
  if (text.includes('\0')) throw invalid(field, 'has a NUL character; remove it');
}
