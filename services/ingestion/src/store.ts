/** The ledger in PostgreSQL: schema `events`. */
import type { Database, Queryable } from '@sluice/postgres';
import { EventBatch, type ExposureGroup, type GetEventsResponse, type SetRef } from '@sluice/proto';
import { foldCounts, foldUnits, type GroupCount, type UnitExposure } from './exposures.js';
import type { EventRow, MessageSource } from './rows.js';
import * as sql from './statements.js';

export interface Written {
  /** Rows that are new. */
  readonly events: number;
  /** Exposures among them. */
  readonly exposures: number;
}

/** The folder of the migrations. */
export const migrationsUrl: URL = new URL('../sql/', import.meta.url);

/** Rows of one statement: its parameters stay below a few megabytes. */
const rowsMax = 2_000;

/** Makes sure that a day has its partition. */
export async function ensureDay(database: Queryable, day: string): Promise<void> {
  await database.query(sql.ensureDay, [day]);
}

/** Writes rows in one transaction, each event once for all time; what is there already adds nothing. */
export function writeRows(database: Database, rows: readonly EventRow[]): Promise<Written> {
  const single = withoutRepeats(rows);
  return database.transaction(async (tx) => {
    let events = 0;
    let exposures = 0;
    for (let from = 0; from < single.length; from += rowsMax) {
      const fresh = await insertEvents(tx, single.slice(from, from + rowsMax));
      events += fresh.length;
      const exposed = fresh.filter(({ exposure }) => exposure !== undefined);
      exposures += exposed.length;
      if (exposed.length > 0) {
        await tx.query(sql.upsertExposures, unitColumns(foldUnits(exposed)));
        await tx.query(sql.addExposureCounts, countColumns(foldCounts(exposed)));
      }
    }
    return { events, exposures };
  });
}

/** The first of each id: a batch may hold an event and its retry. */
function withoutRepeats(rows: readonly EventRow[]): EventRow[] {
  const seen = new Set<string>();
  return rows.filter((row) => {
    const isFirst = !seen.has(placeOf(row));
    seen.add(placeOf(row));
    return isFirst;
  });
}

const placeOf = ({ project, eventId }: { project: string; eventId: string }): string => `${project}/${eventId}`;

/** @returns the rows that were not there before. */
async function insertEvents(tx: Queryable, rows: readonly EventRow[]): Promise<EventRow[]> {
  const inserted = await tx.query<{ project: string; eventId: string }>(sql.insertEvents, eventColumns(rows));
  const fresh = new Set(inserted.map(placeOf));
  return rows.filter((row) => fresh.has(placeOf(row)));
}

function eventColumns(rows: readonly EventRow[]): unknown[] {
  return [
    rows.map(({ project }) => project),
    rows.map(({ environment }) => environment),
    rows.map(({ eventId }) => eventId),
    rows.map(({ idDay }) => idDay),
    rows.map(({ name }) => name),
    rows.map(({ happenedAtMs }) => happenedAtMs),
    rows.map(({ skewMs }) => skewMs),
    rows.map(({ receivedAtMs }) => receivedAtMs),
    rows.map(({ userId }) => userId),
    rows.map(({ customIds }) => customIds),
    rows.map(({ attributes }) => attributes),
    rows.map(({ numberValue }) => numberValue),
    rows.map(({ stringValue }) => stringValue),
    rows.map(({ metadata }) => metadata),
    rows.map(({ exposure }) => (exposure ? JSON.stringify(exposure) : null)),
    rows.map(({ instance }) => instance),
    rows.map(({ region }) => region),
  ];
}

function unitColumns(units: readonly UnitExposure[]): unknown[] {
  return [
    units.map(({ project }) => project),
    units.map(({ environment }) => environment),
    units.map(({ first }) => first.key),
    units.map(({ first }) => first.kind),
    units.map(({ first }) => first.allocatedExperiment),
    units.map(({ first }) => first.idType),
    units.map(({ first }) => first.unitId),
    units.map(({ first }) => first.groupName),
    units.map(({ first }) => first.ruleId),
    units.map(({ first }) => first.gateValue),
    units.map(({ variant }) => variant),
    units.map(({ first }) => first.revision),
    units.map(({ eventId }) => eventId),
    units.map(({ firstAtMs }) => firstAtMs),
    units.map(({ lastAtMs }) => lastAtMs),
    units.map(({ exposures }) => exposures),
    units.map(({ isCrossover }) => isCrossover),
  ];
}

function countColumns(counts: readonly GroupCount[]): unknown[] {
  return [
    counts.map(({ project }) => project),
    counts.map(({ environment }) => environment),
    counts.map(({ exposure }) => exposure.key),
    counts.map(({ exposure }) => exposure.kind),
    counts.map(({ exposure }) => exposure.allocatedExperiment),
    counts.map(({ exposure }) => exposure.groupName),
    counts.map(({ exposure }) => exposure.ruleId),
    counts.map(({ exposure }) => exposure.gateValue),
    counts.map(({ day }) => day),
    counts.map(({ exposures }) => exposures),
    counts.map(({ firstAtMs }) => firstAtMs),
    counts.map(({ lastAtMs }) => lastAtMs),
  ];
}

/** Keeps a message that is no EventBatch, as it came. */
export async function buryMessage(database: Queryable, source: MessageSource, data: Uint8Array, reason: string) {
  await database.query(sql.bury, [source.subject, source.sequence, null, reason, Buffer.from(data)]);
}

/** Keeps one event that PostgreSQL refused, such that it can be sent again. */
export async function buryEvent(database: Queryable, row: EventRow, reason: string): Promise<void> {
  const { source, event, project, environment, receivedAtMs, instance, region, skewMs } = row;
  const set = { project, environment };
  const batch = { set, events: [event], receivedAtMs, instance, region, skewsMs: [skewMs] };
  const payload = Buffer.from(EventBatch.encode(batch).finish());
  await database.query(sql.bury, [
    source.subject,
    source.sequence,
    event.id.replaceAll('\0', '').slice(0, 64),
    reason,
    payload,
  ]);
}

/** Ordered by kind, group, rule and value. */
export function readExposures(database: Queryable, { project, environment }: SetRef, key: string) {
  return database.query<ExposureGroup>(sql.readExposures, [project, environment, key]);
}

export async function readEvents(database: Queryable, { project, environment }: SetRef, name: string) {
  const [found] = await database.query<GetEventsResponse>(sql.readEvents, [project, environment, name]);
  return found ?? { count: 0, sum: 0, units: 0, firstAtMs: 0, lastAtMs: 0 };
}
