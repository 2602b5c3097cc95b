/** A message of the log as the writer has it in hand; pure. */

import { WireError } from '../wire/wire-cursor.js';
import { TupleWriter } from './copy-tuples.js';
import { textOfError } from './data-fault.js';
import { rowsOfWire, type WireBatch } from './wire-rows.js';

/** What the log delivers. */
export interface Delivery {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly sequence: number;
  readonly publishedAtMs?: number | undefined;
}

/** A message with what it says; what can't be read at all has a problem, and no rows. */
export interface Taken extends WireBatch {
  /** The stream that it came from. */
  readonly stream: string;
  readonly sequence: number;
  /** When the log took it, Unix microseconds: with stream and sequence it names the message for all time. */
  readonly publishedUs: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Events in it. */
  readonly events: number;
  readonly problem: string | undefined;
}

export function take(delivery: Delivery, stream: string): Taken {
  const { subject, data, sequence, publishedAtMs = 0 } = delivery;
  const place = { stream, sequence, subject, data, publishedUs: Math.round(publishedAtMs * 1000) };
  try {
    const batch = rowsOfWire(data, { subject, sequence });
    return { ...place, ...batch, events: batch.rows.length + batch.unfit.length, problem: undefined };
  } catch (error) {
    return unreadable(place, error instanceof WireError ? `the message ${error.message}` : textOfError(error));
  }
}

type Place = Pick<Taken, 'stream' | 'sequence' | 'subject' | 'data' | 'publishedUs'>;

/** A message that is to be buried whole: nothing that it says is used. */
export function unreadable({ stream, sequence, subject, data, publishedUs }: Place, problem: string): Taken {
  const receivedAtMs = Math.round(publishedUs / 1000);
  const nobody = { project: '', environment: '', region: '', instance: '', receivedAtMs };
  const nothing = { rows: [], tuples: noTuples, unfit: [], receipts: [], events: 0 };
  return { stream, sequence, subject, data, publishedUs, ...nobody, ...nothing, problem };
}

const noTuples = new TupleWriter(0).finish();
