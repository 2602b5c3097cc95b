import { SluiceError, unavailable } from '@sluice/mesh';
import pg from 'pg';

const uniqueViolation = '23505';
/** Serialization failure, deadlock, lock not available. */
const retryable = new Set(['40001', '40P01', '55P03']);
/** Statement cancelled by its time-out, and the server's own ways to say that it goes away or is full. */
const away = new Set(['57014', '57P01', '57P02', '57P03', '53300', '25P03']);

/** The row is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === uniqueViolation;
}

/** The transaction lost against another one and may be tried again from its start. */
export function isRetryable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code !== undefined && retryable.has(error.code);
}

/** Refusals of the server and mistakes of the caller pass as they are; everything else means that it can't be used now. */
export function translate(error: unknown): unknown {
  if (error instanceof SluiceError || isMistake(error)) return error;
  if (error instanceof pg.DatabaseError && !(error.code !== undefined && away.has(error.code))) return error;
  return unavailable('The database does not answer; try again soon.', error);
}

/** The driver found fault with the call before anything was sent. */
function isMistake(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  return error instanceof Error && error.message.startsWith('Prepared statements must be unique');
}

/** Whether the connection can serve another statement after this error. */
export function isConnectionSound(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity !== 'FATAL' && error.severity !== 'PANIC';
}
