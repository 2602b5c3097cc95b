import assert from 'node:assert/strict';
import { encodeEntity, entityKey, sectionOf } from '@sluice/codec';
import type { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { chainHash, firstHash } from './audit.js';
import { AuditCheck } from './audit-check.js';
import type { AuditLine, StoredBody, StoredRevision } from './audit-store.js';
import { bodyDigest, describeChanges } from './audited-changes.js';
import { advance, type Plan } from './head.js';
import { emptyHead, gateOf, planOf, settingOf } from './test/heads.js';

/** A revision as it is stored: its line in the log, its row, and the bodies that it wrote. */
interface Stored {
  line: AuditLine;
  revision: StoredRevision | undefined;
  bodies: StoredBody[];
}

const stored = (entity: Entity): StoredBody => ({
  ref: { section: sectionOf(entity), name: entity.name },
  body: Buffer.from(encodeEntity(entity).bytes),
});

/** The log that some plans leave, written as the writer does. */
function logOf(plans: readonly Plan[]): Stored[] {
  let head = emptyHead;
  let previousHash: Buffer = firstHash;
  return plans.map((plan, at) => {
    const reason = `because of ${at + 1}`;
    const moment = { author: at % 2 === 0 ? 'ada' : 'bob', nowMs: 1_000 * (at + 1) };
    const change = advance(head, plan, moment);
    const { revision } = change.head;
    const entry = {
      ...{ project: 'shop', environment: 'test', revision, atMs: moment.nowMs, author: moment.author, reason },
      changes: describeChanges(head, change),
    };
    const line = { entry, previousHash, hash: chainHash(previousHash, entry) };
    head = change.head;
    previousHash = line.hash;
    const bodies = [...change.upserts.map(stored), ...change.deletions.map((ref) => ({ ref, body: undefined }))];
    const row = { revision, stateHash: Buffer.from(head.stateHash), atMs: entry.atMs, author: entry.author, reason };
    return { line, revision: row, bodies };
  });
}

async function* each<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

/** The first line that does not hold, as `3 was changed: …`; undefined when all do. */
async function verify(log: readonly Stored[], check = new AuditCheck()): Promise<string | undefined> {
  for (const { line, revision, bodies } of log) {
    const problem = await check.next(line, revision, each(bodies));
    if (problem) return `${line.entry.revision} ${problem}`;
  }
  return undefined;
}

const plans = [
  planOf([gateOf('a'), settingOf('s', '1')]),
  planOf([settingOf('s', '2')]),
  planOf([gateOf('b'), gateOf('a', [], { salt: 'other' })]),
  planOf([], 'gate/b'),
  planOf([]),
  planOf([gateOf('b'), settingOf('t', '1')], 'setting/s'),
];

/** The log with one of its revisions changed. */
function harmed(revision: number, harm: (one: Stored) => void): Stored[] {
  const log = logOf(plans);
  const one = log[revision - 1];
  assert(one);
  harm(one);
  return log;
}

/** A line that was changed by somebody who knows how it is hashed. */
function rewrite(one: Stored, part: Partial<AuditLine['entry']>): void {
  const entry = { ...one.line.entry, ...part };
  one.line = { ...one.line, entry, hash: chainHash(one.line.previousHash, entry) };
}

const digestIn = (one: Stored, key: string): string => {
  const found = one.bodies.find(({ ref }) => entityKey(ref) === key)?.body;
  assert(found);
  return bodyDigest(found);
};

describe('an audit log that nobody touched', () => {
  it('holds, and leaves the set as the last revision has it', async () => {
    const log = logOf(plans);
    const check = new AuditCheck();
    assert.equal(await verify(log, check), undefined);
    assert.equal(check.revision, 6);
    assert.deepEqual(check.lastHash, log.at(-1)?.line.hash);
    assert.deepEqual(Buffer.from(check.stateHash), log.at(-1)?.revision?.stateHash);
    assert.equal(check.bodies, 9);
    assert.equal(check.standing, 3);
    assert.equal(check.digestOf('gate/a'), digestIn(log[2] ?? assert.fail(), 'gate/a'));
    assert.equal(check.digestOf('setting/s'), undefined);
  });

  it('holds whatever was written', async () => {
    const entity = fc.oneof(
      fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.string()).map(([name, salt]) => gateOf(name, [], { salt })),
      fc.tuple(fc.constantFrom('a', 'b'), fc.string()).map(([name, value]) => settingOf(name, value)),
    );
    const plan = fc
      .tuple(fc.uniqueArray(entity, { selector: entityKey }), fc.subarray(['gate/a', 'gate/b', 'setting/a']))
      .map(([upserts, gone]) => planOf(upserts, ...gone.filter((key) => !upserts.map(entityKey).includes(key))));
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { maxLength: 6 }), async (some) => {
        assert.equal(await verify(logOf(some)), undefined);
      }),
      { numRuns: 60 },
    );
  });
});

describe('an audit log that was changed', () => {
  const harms: readonly [what: string, revision: number, harm: (one: Stored) => void, problem: RegExp][] = [
    [
      'a reason',
      2,
      (one) => (one.line = { ...one.line, entry: { ...one.line.entry, reason: 'another' } }),
      /was changed: its content has another hash/,
    ],
    [
      'a digest',
      3,
      (one) => {
        const changes = one.line.entry.changes.replace(digestIn(one, 'gate/a'), bodyDigest(Buffer.from('another')));
        assert.notEqual(changes, one.line.entry.changes);
        one.line = { ...one.line, entry: { ...one.line.entry, changes } };
      },
      /was changed: its content has another hash/,
    ],
    [
      'a hash',
      4,
      (one) => (one.line = { ...one.line, hash: Buffer.alloc(32, 1) }),
      /was changed: its content has another hash/,
    ],
    [
      'the hash before',
      4,
      (one) => (one.line = { ...one.line, previousHash: Buffer.alloc(32, 1) }),
      /is not chained to the line before it/,
    ],
    [
      'a body',
      3,
      (one) => (one.bodies[1] = stored({ ...gateOf('a', [], { salt: 'forged' }), version: 2 })),
      /has another body of gate\/a in the history than it says/,
    ],
    [
      'a body that is taken away',
      3,
      (one) => one.bodies.pop(),
      /mentions gate\/a, whose change is gone from the history/,
    ],
    [
      'a body that is put in',
      2,
      (one) => one.bodies.push(stored(gateOf('x'))),
      /does not mention gate\/x, which the history holds a change of/,
    ],
    [
      'a body in place of a deletion',
      4,
      (one) => (one.bodies[0] = stored({ ...gateOf('b'), version: 1 })),
      /has another body of gate\/b in the history than it says/,
    ],
    [
      'a state hash',
      5,
      (one) => (one.revision = one.revision && { ...one.revision, stateHash: Buffer.alloc(32, 1) }),
      /has a revision whose state hash is not that of its entities/,
    ],
    [
      'an author in the history',
      2,
      (one) => (one.revision = one.revision && { ...one.revision, author: 'eve' }),
      /says that bob wrote it, the history says eve/,
    ],
    [
      'a time in the history',
      2,
      (one) => (one.revision = one.revision && { ...one.revision, atMs: 1 }),
      /has another time than the history/,
    ],
    [
      'a reason in the history',
      2,
      (one) => (one.revision = one.revision && { ...one.revision, reason: 'another' }),
      /has another reason than the history/,
    ],
    [
      'a revision that is taken out of the history',
      2,
      (one) => (one.revision = undefined),
      /speaks of a revision that is gone from the history/,
    ],
    [
      'changes in a form that nobody wrote',
      5,
      (one) => rewrite(one, { changes: '{}' }),
      /lists its changes in a form that nobody wrote/,
    ],
    [
      'what an entity was before, with a fitting hash',
      2,
      (one) => rewrite(one, { changes: one.line.entry.changes.replace(/,"\w{64}",/, ',null,') }),
      /says that setting\/s was something else before/,
    ],
  ];

  for (const [what, revision, harm, problem] of harms) {
    it(`is found out at the right revision: ${what}`, async () => {
      const found = (await verify(harmed(revision, harm))) ?? 'nothing';
      assert.match(found, problem);
      assert(found.startsWith(`${revision} `), found);
    });
  }

  it('is found out when a line is taken out', async () => {
    for (let revision = 1; revision < plans.length; revision++) {
      const log = logOf(plans).filter(({ line }) => line.entry.revision !== revision);
      assert.equal(
        await verify(log),
        `${revision + 1} follows revision ${revision - 1}: the lines between them are gone`,
      );
    }
  });

  it('is found out when two lines change places', async () => {
    const log = logOf(plans);
    const [second, third] = log.splice(1, 2);
    assert(second && third);
    log.splice(1, 0, third, second);
    assert.equal(await verify(log), '3 follows revision 1: the lines between them are gone');
  });

  it('is found out when two lines change their content', async () => {
    const log = logOf(plans);
    const [, second, third] = log;
    assert(second && third);
    const [one, other] = [second.line, third.line];
    second.line = { ...one, entry: { ...other.entry, revision: 2 } };
    third.line = { ...other, entry: { ...one.entry, revision: 3 } };
    assert.equal(await verify(log), '2 was changed: its content has another hash');
  });

  it('is found out at the next line by whoever rewrites one line and its hash', async () => {
    const log = harmed(2, (one) => {
      rewrite(one, { reason: 'another' });
      one.revision = one.revision && { ...one.revision, reason: 'another' };
    });
    assert.equal(await verify(log), '3 is not chained to the line before it');
  });
});

describe('a check that found something', () => {
  it('stays at the last line that held', async () => {
    const check = new AuditCheck();
    const log = harmed(4, (one) => rewrite(one, { author: 'eve' }));
    assert.match((await verify(log, check)) ?? '', /^4 says that eve wrote it/);
    assert.equal(check.revision, 3);
    assert.deepEqual(check.lastHash, log[2]?.line.hash);
    assert.deepEqual(Buffer.from(check.stateHash), log[2]?.revision?.stateHash);
  });
});
