import assert from 'node:assert/strict';
import { hashEntities } from '@sluice/codec';
import { digestOf, SluiceError } from '@sluice/mesh';
import { type Entity, KeyClass, Section, type SetRef, type UpdateGateRequest } from '@sluice/proto';
import { type Servers, startServers } from '@sluice/testkit';
import {
  type Authority,
  type Caller,
  freshDatabase,
  gateIn,
  gateOf,
  grantOf,
  importInto,
  rollOut,
  ruleOf,
  snapshotOf,
  startAuthority,
  timeoutMs,
} from './authority.js';

const everyone = (percentage: number): Entity => gateOf('checkout', [ruleOf('everyone', percentage)]);
const names = (entities: readonly Entity[]): string[] => entities.map(({ name }) => name).sort();

let sets = 0;

/** A set that no other test writes to. */
function newSet(): SetRef {
  sets += 1;
  return { project: `project-${sets}`, environment: 'production' };
}

const isRefusal = (kind: string, field: string, message: RegExp) => (error: unknown) => {
  assert(error instanceof SluiceError, String(error));
  assert.equal(error.kind, kind, error.message);
  assert.equal(error.field, field);
  assert.match(error.message, message);
  return true;
};

describe('the authority for rulesets', () => {
  let servers: Servers;
  let authority: Authority;
  let root: Caller;

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    authority = await startAuthority(servers, await freshDatabase(servers));
    root = authority.as();
  });

  after(async () => {
    await authority?.stop();
    await servers?.stop();
  });

  const update = (set: SetRef, part: Partial<UpdateGateRequest>, caller = root) =>
    caller.config.updateGate(
      {
        set,
        name: 'checkout',
        rolloutPercentage: undefined,
        ruleId: '',
        isEnabled: undefined,
        expectedVersion: undefined,
        reason: '',
        ...part,
      },
      { timeoutMs },
    );

  const createKey = async (part: Parameters<typeof grantOf>[0], isReused = false, caller = root) =>
    caller.config.createKey({ grant: grantOf(part), isReused }, { timeoutMs });

  describe('importing', () => {
    it('makes one revision of what differs, and none of what does not', async () => {
      const set = newSet();
      const gates = [everyone(10), gateOf('banner', []), gateOf('search', [])];
      const first = await importInto(root, set, gates);
      assert.deepEqual([first.upserted, first.deleted], [3, 0]);

      const same = await importInto(root, set, gates);
      assert.deepEqual([same.revision, same.upserted, same.deleted], [first.revision, 0, 0]);

      const second = await importInto(root, set, [everyone(20), gateOf('banner', [])], first.revision);
      assert.deepEqual([second.revision, second.upserted, second.deleted], [first.revision + 1, 1, 1]);
      const { upserts, revision } = await snapshotOf(root, set);
      assert.equal(revision, second.revision);
      assert.deepEqual(names(upserts.filter(({ body }) => body?.$case === 'gate')), ['banner', 'checkout']);
    });

    it('says both revisions when somebody else was faster, and changes nothing', async () => {
      const set = newSet();
      const { revision } = await importInto(root, set, [everyone(10)]);
      await importInto(root, set, [everyone(20)]);
      const late = importInto(root, set, [everyone(30)], revision);
      const both = new RegExp(
        `revision ${revision + 1}, not ${revision}: "root" wrote revision ${revision + 1} of gate/checkout at .*; ` +
          'they differ in gate/checkout rules\\[0\\]\\.passPercentage: yours 30, stored 20;',
      );
      await assert.rejects(late, isRefusal('conflict', 'expected_revision', both));
      assert.equal((await gateIn(root, set, 'checkout')).rules[0]?.passPercentage, 20);
    });

    const refused: [string, Entity[], string, RegExp][] = [
      ['an entity twice', [everyone(1), everyone(2)], 'entities[1]', /twice/],
      ['an entity without a body', [{ name: 'x', version: 0, body: undefined }], 'entities[0]', /no body/],
      [
        'a key in disguise',
        [{ name: 'k', version: 0, body: { $case: 'key', value: grantOf({}) } }],
        'entities[0]',
        /CreateKey/,
      ],
    ];
    for (const [what, entities, field, message] of refused) {
      it(`refuses ${what} and does not even make the set`, async () => {
        const set = newSet();
        await assert.rejects(importInto(root, set, entities), isRefusal('invalid', field, message));
        await assert.rejects(snapshotOf(root, set), { kind: 'not_found' });
      });
    }

    it('refuses a bandit that is not JSON as the bad input it is', async () => {
      const bandit: Entity = { name: 'welcome', version: 0, body: { $case: 'cmab', value: { bodyJson: '{' } } };
      await assert.rejects(importInto(root, newSet(), [bandit]), (error: SluiceError) => {
        assert.equal(error.kind, 'invalid', error.message);
        assert.match(error.message, /welcome/);
        return true;
      });
    });

    it('leaves no trace of a failed first import in the second', async () => {
      const set = newSet();
      await assert.rejects(importInto(root, set, [everyone(1), everyone(2)]), { kind: 'invalid' });
      const label = 'granted between the two imports';
      const { digest } = await createKey({ ...set, keyClass: KeyClass.SERVER, label });
      await importInto(root, set, [everyone(10)]);
      const { upserts, stateHash } = await snapshotOf(root, set);
      assert(names(upserts).includes(digest), 'the ruleset lacks a key that reaches it');
      assert.deepEqual(Buffer.from(stateHash), Buffer.from(hashEntities(upserts)));
    });

    for (const project of ['', 'Upper', 'dot.ted', 'star*', '-dash', 'x'.repeat(65)]) {
      it(`refuses the project name ${JSON.stringify(project.slice(0, 12))}`, async () => {
        const set = { project, environment: 'production' };
        await assert.rejects(importInto(root, set, []), isRefusal('invalid', 'set.project', /empty|lower-case/));
      });
    }
  });

  describe('changing a gate', () => {
    it('counts version and revision, and keeps everything that decides who is in', async () => {
      const set = newSet();
      const rules = [ruleOf('staff', 100), ruleOf('rest', 10, { salt: 'grain' })];
      const { revision } = await importInto(root, set, [gateOf('checkout', rules, { salt: 'sea' })]);
      const changed = await update(set, { rolloutPercentage: 25, expectedVersion: 1 });
      assert.deepEqual([changed.revision, changed.version], [revision + 1, 2]);
      const after = await gateIn(root, set, 'checkout');
      assert.equal(after.salt, 'sea');
      assert.deepEqual(after.rules, [rules[0], { ...rules[1], passPercentage: 25 }]);
    });

    it('reaches one rule by its id', async () => {
      const set = newSet();
      await importInto(root, set, [gateOf('checkout', [ruleOf('staff', 100), ruleOf('rest', 10)])]);
      await update(set, { ruleId: 'staff', rolloutPercentage: 50 });
      const { rules } = await gateIn(root, set, 'checkout');
      assert.deepEqual(
        rules.map(({ passPercentage }) => passPercentage),
        [50, 10],
      );
    });

    it('switches off for everybody, changes the rollout meanwhile, and comes back with its rules', async () => {
      const set = newSet();
      const original = gateOf('checkout', [ruleOf('rest', 10)]);
      await importInto(root, set, [original]);
      await update(set, { isEnabled: false });
      await update(set, { rolloutPercentage: 30 });
      const off = await gateIn(root, set, 'checkout');
      assert.equal(off.enabled, false);
      const [decides] = off.rules;
      assert.deepEqual([decides?.passPercentage, decides?.conditionIds, decides?.returnValueJson], [100, [], 'false']);
      await update(set, { isEnabled: true });
      const on = await gateIn(root, set, 'checkout');
      assert.deepEqual([on.enabled, on.rules], [true, [ruleOf('rest', 30)]]);
    });

    const wrong: [string, Partial<UpdateGateRequest>, string, string, RegExp][] = [
      ['a rollout of 101', { rolloutPercentage: 101 }, 'invalid', 'rollout_percentage', /between 0 and 100/],
      ['a rollout below 0', { rolloutPercentage: -1 }, 'invalid', 'rollout_percentage', /between 0 and 100/],
      ['a rollout that is no number', { rolloutPercentage: Number.NaN }, 'invalid', 'rollout_percentage', /0 and 100/],
      ['nothing to change', {}, 'invalid', 'rollout_percentage', /say what to change/],
      ['an unknown gate', { name: 'chekout', rolloutPercentage: 1 }, 'not_found', 'name', /did you mean "checkout"/],
      ['an unknown rule', { ruleId: 'nobody', rolloutPercentage: 1 }, 'not_found', 'rule_id', /it has everyone/],
      [
        'an old version',
        { rolloutPercentage: 1, expectedVersion: 9 },
        'conflict',
        'expected_version',
        /version 1, not 9: "root" wrote it in revision \d+ .*rules\[0\]\.passPercentage: yours 1, stored \d+;/,
      ],
      ['a long reason', { rolloutPercentage: 1, reason: 'x'.repeat(1_001) }, 'invalid', 'reason', /at most/],
    ];
    for (const [what, part, kind, field, message] of wrong) {
      it(`refuses ${what}, and changes nothing`, async () => {
        const set = newSet();
        const { revision } = await importInto(root, set, [everyone(10)]);
        await assert.rejects(update(set, part), isRefusal(kind, field, message));
        assert.equal((await snapshotOf(root, set)).revision, revision);
      });
    }

    it('takes many writers at once, one after the other', async () => {
      const set = newSet();
      const { revision } = await importInto(root, set, [everyone(0)]);
      const percentages = Array.from({ length: 40 }, (_, i) => i + 1);
      const answers = await Promise.all(percentages.map((percentage) => rollOut(root, set, 'checkout', percentage)));
      const revisions = answers.map((answer) => answer.revision).sort((a, b) => a - b);
      assert.deepEqual(
        revisions,
        percentages.map((i) => revision + i),
      );
      const { upserts, stateHash } = await snapshotOf(root, set);
      assert.deepEqual(Buffer.from(stateHash), Buffer.from(hashEntities(upserts)));
    });
  });

  describe('listing', () => {
    it('pages through entities in order, with the state and the last change of each', async () => {
      const set = newSet();
      await importInto(
        root,
        set,
        ['c', 'a', 'b'].map((name) => gateOf(name, [ruleOf('rest', 10)])),
      );
      await update(set, { name: 'b', rolloutPercentage: 25 });
      const seen: string[] = [];
      for (let pageToken = ''; ; ) {
        const page = await root.config.listEntities(
          { set, sections: [Section.GATE], nameContains: '', pageSize: 2, pageToken, archiveState: 0, entity: '' },
          { timeoutMs },
        );
        seen.push(
          ...page.entities.map(({ ref, version, rolloutPercentage }) => `${ref?.name}${version}@${rolloutPercentage}`),
        );
        pageToken = page.nextPageToken;
        if (pageToken === '') break;
      }
      assert.deepEqual(seen, ['a1@10', 'b2@25', 'c1@10']);
    });
  });

  describe('keys', () => {
    it('travel in the ruleset of every set that they reach, also of sets made later', async () => {
      const [set, other] = [newSet(), newSet()];
      await importInto(root, set, []);
      const { secret, digest } = await createKey({ ...set, keyClass: KeyClass.SERVER });
      assert.equal(digest, digestOf(secret));
      await importInto(root, other, []);
      assert(names((await snapshotOf(root, set)).upserts).includes(digest));
      assert(!names((await snapshotOf(root, other)).upserts).includes(digest));

      const project = other.project;
      const wide = await createKey({ project, label: 'wide' });
      const later = { project, environment: 'later' };
      assert((await root.config.createEnvironment({ set: later }, { timeoutMs })).isCreated);
      assert(!(await root.config.createEnvironment({ set: later }, { timeoutMs })).isCreated);
      assert(names((await snapshotOf(root, later)).upserts).includes(wide.digest));
    });

    it('reach a set that is made at the same moment', async () => {
      for (let i = 0; i < 10; i += 1) {
        const set = newSet();
        const [{ digest }] = await Promise.all([
          createKey({ project: set.project }),
          root.config.createEnvironment({ set }, { timeoutMs }),
        ]);
        assert(names((await snapshotOf(root, set)).upserts).includes(digest), `round ${i} lost the key`);
      }
    });

    it('are made once when several ask for the same at once', async () => {
      const set = newSet();
      const asked = Array.from({ length: 4 }, () =>
        createKey({ ...set, keyClass: KeyClass.SERVER, label: 'one' }, true),
      );
      const answers = await Promise.all(asked);
      assert.equal(new Set(answers.map(({ digest }) => digest)).size, 1);
      assert.equal(answers.filter(({ secret }) => secret !== '').length, 1);
    });

    it('are not made twice when that is asked, and are listed without secrets', async () => {
      const set = newSet();
      const first = await createKey({ ...set, keyClass: KeyClass.CLIENT, label: 'app' });
      const again = await createKey({ ...set, keyClass: KeyClass.CLIENT, label: 'app' }, true);
      assert.deepEqual(again, { secret: '', digest: first.digest });
      const { keys } = await root.config.listKeys(
        { project: set.project, pageSize: 0, pageToken: '', labelContains: '', archiveState: 0, environment: '' },
        { timeoutMs },
      );
      assert.deepEqual(
        keys.map(({ digest, grant }) => [digest, grant?.label]),
        [[first.digest, 'app']],
      );
    });

    it('must be known, may have to write, and give nothing of a project away to another', async () => {
      const [mine, theirs] = [newSet(), newSet()];
      await importInto(root, mine, [everyone(10)]);
      await importInto(root, theirs, [everyone(10)]);
      await assert.rejects(snapshotOf(authority.as('sluice_console_nobody'), mine), { kind: 'unauthenticated' });

      const reader = authority.as((await createKey({ project: mine.project })).secret);
      await assert.rejects(rollOut(reader, mine, 'checkout', 5), { kind: 'forbidden' });
      const listed = await reader.rulesets.listSets({}, { timeoutMs });
      assert.deepEqual(
        listed.sets.map(({ set }) => set),
        [mine],
      );
      const messageOf = async (set: SetRef): Promise<string> => {
        const failure = await snapshotOf(reader, set).catch((error: SluiceError) => error);
        assert(failure instanceof SluiceError && failure.kind === 'forbidden');
        return failure.message.replaceAll(set.project, '…');
      };
      assert.equal(await messageOf(theirs), await messageOf({ ...theirs, project: 'not-there' }));
    });

    it('can not grant more than they have', async () => {
      const set = newSet();
      const { secret } = await createKey({ project: set.project, canWrite: true });
      const narrow = authority.as(secret);
      await assert.rejects(createKey({ canWrite: true }, false, narrow), { kind: 'forbidden' });
      await createKey({ ...set, keyClass: KeyClass.SERVER }, false, narrow);
    });
  });
});
