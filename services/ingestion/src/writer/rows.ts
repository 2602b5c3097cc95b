/** The store's rows, as far as anybody looks into them; pure. */
import type { Exposure } from '@sluice/proto';
import type { Hash } from '../usage/hyperloglog.js';

/** An event on its way into the table; times in Unix milliseconds. */
export interface EventRow {
  readonly project: string;
  readonly environment: string;
  /** Empty for an event that none can be found in. */
  readonly eventId: string;
  /** The partition, such as 2026-11-22. */
  readonly idDay: string;
  readonly name: string;
  readonly happenedAtMs: number;
  readonly skewMs: number;
  readonly receivedAtMs: number;
  readonly numberValue: number | null;
  readonly exposure: Exposure | undefined;
  /** A hash of who it is about: the user id, or else the custom ids. Undefined for nobody. */
  readonly unit: Hash | undefined;
  readonly instance: string;
  readonly region: string;
  /** Where it came from, should it have to be buried. */
  readonly source: MessageSource;
  /** The event as it came, sound or not: an encoded `EventBatch` with nothing else in it. */
  readonly encoded: Uint8Array;
}

export interface MessageSource {
  readonly subject: string;
  readonly sequence: number;
}

/** The day of ids that carry none. */
export const dayless = '1970-01-01';
const firstDayMs = Date.UTC(2015, 0, 1);
const lastDayMs = Date.UTC(2100, 0, 1);

/**
 * Whether the time in a UUIDv7 (Unix milliseconds) is one that its day is told by. The day of an id is a
 * function of the id and nothing else: that makes the key of the partitioned table unique by id.
 */
export function isDayKnown(madeAtMs: number): boolean {
  return madeAtMs >= firstDayMs && madeAtMs < lastDayMs;
}

/** The day (UTC) of a time, such as 2026-11-22. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
