/** The ledger in PostgreSQL: schema `events`. */
import type { Queryable } from '@sluice/postgres';
import { EventBatch, type ExposureDay, type ExposureGroup, type SetRef } from '@sluice/proto';
import type { UsageDelta } from '../usage/usage.js';
import type { GroupCount } from './exposures.js';
import type { EventRow, MessageSource } from './rows.js';
import * as sql from './statements.js';

/** The folder of the migrations. */
export const migrationsUrl: URL = new URL('../../sql/', import.meta.url);

/** Makes sure that a day has its partition. */
export async function ensureDay(database: Queryable, day: string): Promise<void> {
  await database.query(sql.ensureDay, [day]);
}

export function countColumns(counts: readonly GroupCount[]): unknown[] {
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

export function usageColumns(deltas: readonly UsageDelta[]): unknown[] {
  return [
    deltas.map(({ project }) => project),
    deltas.map(({ environment }) => environment),
    deltas.map(({ day }) => day),
    deltas.map(({ name }) => name),
    deltas.map(({ events }) => events),
    deltas.map(({ total }) => total),
    deltas.map(({ firstAtMs }) => firstAtMs),
    deltas.map(({ lastAtMs }) => lastAtMs),
    deltas.map(({ units }) => units.encode()),
  ];
}

/** Keeps a message that is no EventBatch, as it came. */
export async function buryMessage(
  database: Queryable,
  source: MessageSource,
  data: Uint8Array,
  reason: string,
): Promise<void> {
  await database.query(sql.bury, [source.subject, source.sequence, null, reason, Buffer.from(data)]);
}

/** Keeps one event that PostgreSQL refused, such that it can be sent again. */
export async function buryEvent(database: Queryable, row: EventRow, reason: string): Promise<void> {
  const { source, eventId, encoded, project, environment, receivedAtMs, instance, region, skewMs } = row;
  const set = { project, environment };
  const batch = { set, events: [], receivedAtMs, instance, region, skewsMs: [skewMs], receipts: [] };
  const payload = Buffer.concat([EventBatch.encode(batch).finish(), encoded]);
  await database.query(sql.bury, [
    source.subject,
    source.sequence,
    eventId.replaceAll('\0', '').slice(0, 64),
    reason,
    payload,
  ]);
}

/** Ordered by kind, group, rule and value. */
export async function readExposures(
  database: Queryable,
  { project, environment }: SetRef,
  key: string,
  isDaily: boolean,
): Promise<ExposureGroup[]> {
  const values = [project, environment, key];
  const groups = await database.query<Omit<ExposureGroup, 'days'>>(sql.readExposures, values);
  const days = isDaily ? await database.query<DayOfGroup>(sql.readExposureDays, values) : [];
  const byGroup = Map.groupBy(days, groupKeyOf);
  return groups.map((group) => ({
    ...group,
    days: (byGroup.get(groupKeyOf(group)) ?? []).map(({ day, units, exposures }) => ({ day, units, exposures })),
  }));
}

type GroupKey = Pick<ExposureGroup, 'kind' | 'groupName' | 'ruleId' | 'gateValue'>;
type DayOfGroup = GroupKey & ExposureDay;

const groupKeyOf = ({ kind, groupName, ruleId, gateValue }: GroupKey): string =>
  JSON.stringify([kind, groupName, ruleId, gateValue]);

/** Usage as it is stored: a day may have several rows of a name. */
export interface UsageRow {
  readonly day: string;
  /** Empty for all names together, as far as they are folded. */
  readonly name: string;
  readonly events: number;
  readonly total: number;
  /** An encoded HyperLogLog. */
  readonly units: Buffer;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** Of one name, or of all for an empty one. Days such as 2026-11-22, both included. */
export function readUsage(
  database: Queryable,
  { project, environment }: SetRef,
  name: string,
  firstDay: string,
  lastDay: string,
): Promise<UsageRow[]> {
  const days = [firstDay, lastDay];
  return name === ''
    ? database.query<UsageRow>(sql.readAllUsage, [project, environment, ...days])
    : database.query<UsageRow>(sql.readNameUsage, [project, environment, name, ...days]);
}
