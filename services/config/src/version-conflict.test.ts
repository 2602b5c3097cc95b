import assert from 'node:assert/strict';
import type { Transaction } from '@sluice/postgres';
import { advance } from './head.js';
import { refuseClash } from './refuse-clash.js';
import { gateOf, headWith, heldIn, planOf, refOf, refusal, ruleOf } from './test/heads.js';
import { versionConflict } from './version-conflict.js';

const rolledOut = (passPercentage: number, name = 'checkout') => gateOf(name, [ruleOf('r', { passPercentage })]);
const bob = { author: 'bob', nowMs: Date.UTC(2026, 10, 22, 13) };
const { head } = advance(headWith(rolledOut(10)), planOf([rolledOut(30)]), bob);
const held = heldIn(head, 'gate/checkout');
const ada = { author: 'ada', revision: 1, atMs: Date.UTC(2026, 10, 22, 12) };

describe('a conflict of versions', () => {
  it('says who wrote which version when, and what differs', () => {
    const error = versionConflict('writes[0].expected_version', held, 1, ada, rolledOut(20));
    assert.equal(error.kind, 'conflict');
    assert.equal(
      error.message,
      'writes[0].expected_version: gate/checkout is at version 2, not 1: ' +
        '"bob" wrote it in revision 2 at 2026-11-22T13:00:00.000Z ' +
        '(version 1: "ada" wrote it in revision 1 at 2026-11-22T12:00:00.000Z); ' +
        'they differ in gate/checkout rules[0].passPercentage: yours 20, stored 30; look at it again, then repeat',
    );
    assert.deepEqual(error.problems.slice(1), [
      { field: 'gate/checkout rules[0].passPercentage', message: 'yours 20, stored 30' },
    ]);
  });

  it('says so when there was to be none', () => {
    const error = versionConflict('expected_version', held, 0, undefined, undefined);
    assert.match(error.message, /gate\/checkout exists already, at version 2: "bob" wrote it .*Z; look at it again/);
    assert.equal(error.problems.length, 1);
  });

  it('calls absent what one side lacks', () => {
    const yours = gateOf('checkout', []);
    const { problems } = versionConflict('expected_version', held, 1, ada, yours);
    assert.match(problems[1]?.message ?? '', /^yours absent, stored \{"id":"r"/);
  });

  it('has room in a header, however long everything is', () => {
    const name = 'n'.repeat(512);
    const rules = Array.from({ length: 500 }, (_, at) => ruleOf(`r${at}`, { salt: 's'.repeat(1_000) }));
    const long = heldIn(headWith(gateOf(name, rules)), `gate/${name}`);
    const yours = gateOf(
      name,
      rules.map((rule) => ({ ...rule, salt: 't'.repeat(1_000) })),
    );
    const error = versionConflict('expected_version', long, 7, ada, yours);
    assert.equal(error.problems.length, 9);
    assert(JSON.stringify([error.message, error.problems]).length < 8_000);
  });
});

describe('a clash', () => {
  const set = { project: 'shop', environment: 'test' };
  const noDatabase = {
    query: () => Promise.reject(new Error('the database was asked')),
  } as unknown as Transaction;
  const clash = (key: string, expectedVersion: number | undefined) =>
    refuseClash(noDatabase, set, head, [{ ref: refOf(key), expectedVersion, field: 'f' }]);

  it('is none without an expectation, at the expected version, and where nothing was to be', async () => {
    await clash('gate/checkout', undefined);
    await clash('gate/checkout', 2);
    await clash('gate/other', 0);
    await clash('gate/other', undefined);
  });

  it('is one for what is not there at all', async () => {
    await assert.rejects(
      clash('gate/other', 3),
      refusal('not_found', 'f', /there is no gate\/other, so it is not at version 3; expect 0 to create it/),
    );
  });

  it('asks the history who wrote the other version', async () => {
    await assert.rejects(clash('gate/checkout', 1), /the database was asked/);
  });
});
