/** Assertions about calls that are refused. */
import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';

/** For `assert.rejects`: the kind of refusal, the field that it names, and what it says. */
export const refusal =
  (kind: string, field: string | undefined, message: RegExp) =>
  (error: unknown): true => {
    assert(error instanceof SluiceError, String(error));
    assert.equal(error.kind, kind, error.message);
    if (field !== undefined) assert.equal(error.field, field, error.message);
    assert.match(error.message, message);
    return true;
  };
