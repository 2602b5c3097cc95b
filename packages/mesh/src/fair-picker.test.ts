import assert from 'node:assert/strict';
import { Metadata, status } from '@grpc/grpc-js';
import { isSick } from './fair-picker.js';

const pushback = new Metadata();
pushback.set('grpc-retry-pushback-ms', '100');

describe('what speaks against an instance', () => {
  for (const code of [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.INTERNAL, status.UNKNOWN]) {
    it(`${status[code]} does`, () => assert(isSick(code, new Metadata())));
  }
  const innocent = [
    status.OK,
    status.CANCELLED,
    status.INVALID_ARGUMENT,
    status.NOT_FOUND,
    status.PERMISSION_DENIED,
    status.FAILED_PRECONDITION,
    status.RESOURCE_EXHAUSTED,
  ];
  for (const code of innocent) it(`${status[code]} does not`, () => assert(!isSick(code, new Metadata())));

  it('UNAVAILABLE does not when the instance says when to come back: it is busy', () => {
    assert(!isSick(status.UNAVAILABLE, pushback));
  });
});
