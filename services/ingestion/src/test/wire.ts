/** Rows for tests, made as the writer makes them: from the bytes of a message. */
import { type Event, EventBatch } from '@sluice/proto';
import type { EventRow } from '../writer/rows.js';
import { rowsOfWire, type WireBatch } from '../writer/wire-rows.js';
import { testNowMs } from './events.js';

export const testSet = { project: 'shop', environment: 'production' };
const source = { subject: 'events.v1.shop.production', sequence: 7 };

export function batchOf(part: Partial<EventBatch>): EventBatch {
  return { ...EventBatch.fromPartial({}), set: testSet, receivedAtMs: testNowMs, ...part };
}

export function wireOf(part: Partial<EventBatch>): WireBatch {
  return rowsOfWire(EventBatch.encode(batchOf(part)).finish(), source);
}

/** @throws Error when the event can't be a row. */
export function rowOf(event: Event): EventRow {
  const { rows, unfit } = wireOf({ events: [event] });
  const [row] = rows;
  if (!row) throw new Error(unfit[0]?.reason ?? 'no row');
  return row;
}
