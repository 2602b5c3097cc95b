import assert from 'node:assert/strict';
import { ChangeKind, type RevisionSummary } from '@sluice/proto';
import { revisionConflict } from './revision-conflict.js';
import { gateOf, headWith, planOf, refOf, ruleOf } from './test/heads.js';

const gate = (passPercentage: number, name = 'a') => gateOf(name, [ruleOf('r', { passPercentage })]);
const committedAtMs = Date.UTC(2026, 10, 28, 12);

function revisionOf(revision: number, author: string, ...keys: string[]): RevisionSummary {
  const changes = keys.map((key) => ({ ref: refOf(key), kind: ChangeKind.UPDATED, version: 2 }));
  const more = { reason: '', changeCount: keys.length, stateHash: Buffer.alloc(0) };
  return { revision, author, committedAtMs, changes, ...more };
}

const head = { ...headWith(gate(30), gate(5, 'b')), revision: 8 };
const since = [revisionOf(8, 'bob', 'gate/a'), revisionOf(7, 'ada', 'gate/b', 'gate/gone')];

describe('a conflict of revisions', () => {
  it('says who made which revision of what, and where both sides differ', () => {
    const error = revisionConflict(head, planOf([gate(20)], 'gate/b'), 6, since);
    assert.equal(
      error.message,
      'expected_revision: the set is at revision 8, not 6: ' +
        '"bob" wrote revision 8 of gate/a at 2026-11-28T12:00:00.000Z; ' +
        '"ada" wrote revision 7 of gate/b, gate/gone at 2026-11-28T12:00:00.000Z; ' +
        'they differ in gate/a rules[0].passPercentage: yours 20, stored 30, gate/b: yours absent, stored there; ' +
        'look at it again, then repeat',
    );
    assert.equal(error.field, 'expected_revision');
    assert.equal(error.problems.length, 3);
  });

  it('speaks of nothing that others left alone, or left as it is wanted', () => {
    const plan = planOf([gate(30), gate(99, 'b'), gate(1, 'new')]);
    assert.equal(revisionConflict(head, plan, 7, since.slice(0, 1)).problems.length, 1);
    const gone = revisionConflict(head, planOf([gate(1, 'gone')]), 6, since).problems.at(-1);
    assert.deepEqual(gone, { field: 'gate/gone', message: 'yours there, stored absent' });
  });

  it('has room in a header, however much was written', () => {
    const keys = Array.from({ length: 100 }, (_, at) => `gate/${'n'.repeat(500)}${at}`);
    const many = Array.from({ length: 20 }, (_, at) => revisionOf(108 - at, 'ada', ...keys));
    const long = headWith(...keys.map((key) => gate(1, key.slice(5))));
    const plan = planOf(keys.map((key) => gate(2, key.slice(5))));
    const { message, problems } = revisionConflict({ ...long, revision: 108 }, plan, 6, many);
    assert.match(message, / and 96 more at .*; 99 more before; they differ in/);
    assert(JSON.stringify([message, problems]).length < 10_000);
  });

  it('says so when the expected revision is yet to come', () => {
    assert.match(revisionConflict(head, planOf([]), 9, []).message, /is at revision 8, not 9; look at it again/);
  });
});
