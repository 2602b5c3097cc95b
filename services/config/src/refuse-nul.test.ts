import assert from 'node:assert/strict';
import { GetEntityRequest, ListEntitiesRequest, UpdateKeyRequest, WriteEntitiesRequest } from '@sluice/proto';
import { refuseNul } from './refuse-nul.js';
import { gateOf, refusal } from './test/heads.js';

const bad = 'a\0b';
const cases: [string, object][] = [
  ['label', UpdateKeyRequest.fromPartial({ label: bad })],
  ['reason', UpdateKeyRequest.fromPartial({ reason: bad })],
  ['name_contains', ListEntitiesRequest.fromPartial({ nameContains: bad })],
  ['set.project', ListEntitiesRequest.fromPartial({ set: { project: bad } })],
  ['ref.name', GetEntityRequest.fromPartial({ ref: { name: bad } })],
];

describe('a NUL character', () => {
  for (const [field, request] of cases) {
    it(`is refused in ${field}`, () => {
      assert.throws(() => refuseNul(request), refusal('invalid', field, /has a NUL character \(U\+0000\)/));
    });
  }

  it('is all that is refused', () => {
    const request = WriteEntitiesRequest.fromPartial({ reason: 'für\n\u0001 🙂', writes: [{ entity: gateOf('a') }] });
    assert.equal(refuseNul(request), request);
  });
});
