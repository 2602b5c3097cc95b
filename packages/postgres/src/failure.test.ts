import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';
import pg from 'pg';
import { isConnectionSound, isRetryable, isUniqueViolation, translate } from './failure.js';

function refusal(code: string, severity = 'ERROR'): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('refused', 7, 'error'), { code, severity });
}

const isUnavailable = (error: unknown): boolean => error instanceof SluiceError && error.kind === 'unavailable';

describe('failures of the database', () => {
  it('pass when the server refused the statement', () => {
    const error = refusal('23505');
    assert.equal(translate(error), error);
    assert(isUniqueViolation(error));
    assert(isConnectionSound(error));
  });

  it('mean unavailable when the server or the way to it is gone, and keep the cause for the log', () => {
    const lost = new Error('Connection terminated unexpectedly');
    for (const error of [lost, refusal('57P01', 'FATAL'), refusal('57014'), refusal('53300', 'FATAL')]) {
      const translated = translate(error);
      assert(isUnavailable(translated));
      assert.equal((translated as Error).cause, error);
    }
  });

  it('pass when the caller made a mistake, which trying again would not mend', () => {
    const mistakes = [new TypeError('cyclic'), new Error("Prepared statements must be unique - 'a' was used")];
    for (const mistake of mistakes) assert.equal(translate(mistake), mistake);
  });

  it('say when a transaction may simply be tried again', () => {
    assert(isRetryable(refusal('40001')));
    assert(isRetryable(refusal('40P01')));
    assert(!isRetryable(refusal('23505')));
    assert(!isRetryable(new Error('40001')));
  });

  it('cost the connection unless the server itself refused just the statement', () => {
    assert(!isConnectionSound(new Error('Query read timeout')));
    assert(!isConnectionSound(refusal('57P01', 'FATAL')));
  });
});
