import assert from 'node:assert/strict';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { RpcStatus } from '@sluice/proto';
import { type ErrorKind, exhausted, invalid, invalidFields, SluiceError } from './errors.js';
import { errorOf, statusOf } from './status.js';

const detailsKey = 'grpc-status-details-bin';

const codes: Record<ErrorKind, status> = {
  invalid: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  already_exists: status.ALREADY_EXISTS,
  precondition: status.FAILED_PRECONDITION,
  conflict: status.ABORTED,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  deadline: status.DEADLINE_EXCEEDED,
  cancelled: status.CANCELLED,
  unimplemented: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
};

/** What grpc-js hands to the caller for a status. */
function failure(code: status, details: string, metadata = new Metadata()): ServiceError {
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata });
}

function acrossTheWire(error: SluiceError): SluiceError {
  const { code, details = '', metadata = new Metadata() } = statusOf(error);
  return errorOf(failure(code, details, metadata.clone()));
}

function withDetails(bytes: Uint8Array): SluiceError {
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(bytes));
  return errorOf(failure(status.INVALID_ARGUMENT, 'name: is empty', metadata));
}

describe('the table of kinds and codes', () => {
  for (const [kind, code] of Object.entries(codes) as [ErrorKind, status][]) {
    it(`${kind} is ${status[code]}, there and back`, () => {
      const error = new SluiceError(kind, 'Do this.');
      assert.equal(statusOf(error).code, code);
      const back = acrossTheWire(error);
      assert.equal(back.kind, kind);
      assert.equal(back.message, 'Do this.');
      assert.deepEqual(back.problems, []);
      assert.equal(back.retryAfterMs, undefined);
    });
  }

  it('reads codes that the mesh never sends', () => {
    assert.equal(errorOf(failure(status.OUT_OF_RANGE, '')).kind, 'invalid');
    for (const code of [status.UNKNOWN, status.DATA_LOSS, 99 as status]) {
      assert.equal(errorOf(failure(code, '')).kind, 'internal');
    }
  });

  it('says nothing of the cause of what is not its own error', () => {
    for (const thrown of [new Error('secret'), 'secret', undefined, null]) {
      const answer = statusOf(thrown);
      assert.equal(answer.code, status.INTERNAL);
      assert.doesNotMatch(JSON.stringify(answer), /secret/);
    }
    const withCause = new SluiceError('unavailable', 'Try again.', { cause: new Error('secret') });
    assert.doesNotMatch(JSON.stringify(statusOf(withCause)), /secret/);
  });
});

describe('details of a failure', () => {
  it('name every wrong field', () => {
    const problems = [
      { field: 'user.customIDs.größe', message: 'must be text' },
      { field: 'names[2]', message: 'is empty' },
    ];
    const back = acrossTheWire(invalidFields(problems));
    assert.deepEqual(back.problems, problems);
    assert.equal(back.field, 'user.customIDs.größe');
  });

  for (const retryAfterMs of [0, 1, 999, 1_500, 86_400_000]) {
    it(`say to try again in ${retryAfterMs} ms`, () => {
      assert.equal(acrossTheWire(exhausted('The spool is full.', retryAfterMs)).retryAfterMs, retryAfterMs);
    });
  }

  it('tell grpc clients when to try again, in whole milliseconds', () => {
    assert.deepEqual(statusOf(exhausted('Full.', 12.3)).metadata?.get('grpc-retry-pushback-ms'), ['13']);
    assert.deepEqual(statusOf(invalid('name', 'is empty')).metadata?.get('grpc-retry-pushback-ms'), []);
  });

  it('keep the failure as the cause', () => {
    const cause = failure(status.NOT_FOUND, 'gate: is not there');
    assert.equal(errorOf(cause).cause, cause);
  });

  it('fall back on the message where there are none', () => {
    assert.match(errorOf(failure(status.UNAVAILABLE, '')).message, /UNAVAILABLE/);
  });

  const value = Buffer.from([0xff, 0xff, 0xff]);
  const known = ['google.rpc.BadRequest', 'google.rpc.RetryInfo'].map((name) => `type.googleapis.com/${name}`);
  const garbled: Record<string, Uint8Array> = {
    'are not a status': Buffer.from('this is not protobuf'),
    'are empty': Buffer.alloc(0),
    'are cut off': RpcStatus.encode({
      code: 3,
      message: 'long enough',
      details: [],
    })
      .finish()
      .subarray(0, 5),
    'hold something unknown': RpcStatus.encode({
      code: 3,
      message: '',
      details: [{ typeUrl: 'type.example/x', value }],
    }).finish(),
    'hold a broken field list': RpcStatus.encode({
      code: 3,
      message: '',
      details: [{ typeUrl: known[0] ?? '', value }],
    }).finish(),
    'hold a broken delay': RpcStatus.encode({
      code: 3,
      message: '',
      details: [{ typeUrl: known[1] ?? '', value }],
    }).finish(),
  };
  for (const [how, bytes] of Object.entries(garbled)) {
    it(`that ${how} leave kind and message`, () => {
      const error = withDetails(bytes);
      assert.equal(error.kind, 'invalid');
      assert.equal(error.message, 'name: is empty');
      assert.deepEqual(error.problems, []);
      assert.equal(error.retryAfterMs, undefined);
    });
  }
});
