/** What a batch of exposures adds to the store: one line for each unit, one for each group and day; pure. */
import { type Exposure, ExposureKind } from '@sluice/proto';
import { dayOf, type EventRow } from './rows.js';

/** What a batch knows of one unit and entity. */
export interface UnitExposure {
  readonly project: string;
  readonly environment: string;
  /** The first of the batch by (time, event id). */
  first: Exposure;
  variant: string;
  eventId: string;
  firstAtMs: number;
  lastAtMs: number;
  exposures: number;
  isCrossover: boolean;
}

/** What a batch adds to one group of an entity on one day. */
export interface GroupCount {
  readonly project: string;
  readonly environment: string;
  readonly exposure: Exposure;
  readonly day: string;
  exposures: number;
  firstAtMs: number;
  lastAtMs: number;
}

/** The id type of exposures that name none. */
const defaultIdType = 'userID';

/** What makes two exposures the same side of an experiment. */
export function variantOf({ kind, gateValue, groupName, ruleId }: Exposure): string {
  return kind === ExposureKind.GATE ? String(gateValue) : groupName || ruleId;
}

/** Folds the exposures of a batch by unit, in the order of the table's key: writers that lock in one order can't deadlock. */
export function foldUnits(rows: readonly EventRow[]): UnitExposure[] {
  const units = new Map<string, UnitExposure>();
  for (const row of rows) {
    if (!row.exposure) continue;
    const exposure = { ...row.exposure, idType: row.exposure.idType || defaultIdType };
    const { key, kind, allocatedExperiment, idType, unitId } = exposure;
    const place = placeOf([row.project, row.environment, key, kind, allocatedExperiment, idType, unitId]);
    const held = units.get(place);
    if (held) addTo(held, row, exposure);
    else units.set(place, unitOf(row, exposure));
  }
  return inOrder(units);
}

function unitOf(row: EventRow, exposure: Exposure): UnitExposure {
  return {
    project: row.project,
    environment: row.environment,
    first: exposure,
    variant: variantOf(exposure),
    eventId: row.eventId,
    firstAtMs: row.happenedAtMs,
    lastAtMs: row.happenedAtMs,
    exposures: 1,
    isCrossover: false,
  };
}

function addTo(held: UnitExposure, row: EventRow, exposure: Exposure): void {
  const variant = variantOf(exposure);
  if (variant !== held.variant) held.isCrossover = true;
  held.exposures += 1;
  held.lastAtMs = Math.max(held.lastAtMs, row.happenedAtMs);
  const isEarlier =
    row.happenedAtMs < held.firstAtMs || (row.happenedAtMs === held.firstAtMs && row.eventId < held.eventId);
  if (!isEarlier) return;
  held.first = exposure;
  held.variant = variant;
  held.eventId = row.eventId;
  held.firstAtMs = row.happenedAtMs;
}

/** Counts the exposures of a batch by group and day, in the order of the table's key. */
export function foldCounts(rows: readonly EventRow[]): GroupCount[] {
  const counts = new Map<string, GroupCount>();
  for (const { project, environment, exposure, happenedAtMs } of rows) {
    if (!exposure) continue;
    const { key, kind, allocatedExperiment, groupName, ruleId, gateValue } = exposure;
    const day = dayOf(happenedAtMs);
    const place = placeOf([project, environment, key, kind, allocatedExperiment, groupName, ruleId, gateValue, day]);
    const held = counts.get(place);
    if (held) {
      held.exposures += 1;
      held.firstAtMs = Math.min(held.firstAtMs, happenedAtMs);
      held.lastAtMs = Math.max(held.lastAtMs, happenedAtMs);
    } else {
      const once = { exposures: 1, firstAtMs: happenedAtMs, lastAtMs: happenedAtMs };
      counts.set(place, { project, environment, exposure, day, ...once });
    }
  }
  return inOrder(counts);
}

/** NUL can't be in any part: the parts can't run into each other. */
function placeOf(parts: readonly (string | number | boolean)[]): string {
  return parts.join('\0');
}

function inOrder<T>(places: ReadonlyMap<string, T>): T[] {
  return [...places].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, value]) => value);
}
