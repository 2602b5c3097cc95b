import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { silentLogger } from '@sluice/mesh';
import { type Database, openDatabase } from '@sluice/postgres';
import { ChangeKind, type Entity, IdListMode, KeyClass, Section, type SetRef } from '@sluice/proto';
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
import { refusal } from './refusals.js';

const gate = (name: string, percentage: number): Entity => gateOf(name, [ruleOf('everyone', percentage)]);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

let sets = 0;

describe('the history of the authority', () => {
  let servers: Servers;
  let authority: Authority;
  let database: Database;
  let url: string;
  let root: Caller;
  let set: SetRef;
  /** The revision with checkout at 10 and banner. */
  let first: number;

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    url = await freshDatabase(servers);
    authority = await startAuthority(servers, url);
    database = await openDatabase({ url, applicationName: 'test', logger: silentLogger });
    root = authority.as();
  });

  beforeEach(async () => {
    sets += 1;
    set = { project: `history-${sets}`, environment: 'production' };
    first = (await importInto(root, set, [gate('checkout', 10), gate('banner', 100)])).revision;
  });

  after(async () => {
    await database?.close();
    await authority?.stop();
    await servers?.stop();
  });

  const revisions = (pageSize = 0, pageToken = '', name?: string) =>
    root.config.listRevisions(
      { set, ref: name === undefined ? undefined : { section: Section.GATE, name }, pageSize, pageToken },
      { timeoutMs },
    );
  const diff = (fromRevision: number, toRevision: number) =>
    root.config.diffRevisions({ set, fromRevision, toRevision, ref: undefined }, { timeoutMs });
  const rollback = (toRevision: number, expectedRevision?: number) =>
    root.config.rollback({ set, toRevision, expectedRevision, reason: 'it was better' }, { timeoutMs });
  const verify = () => root.config.verifyAudit({ set }, { timeoutMs });

  it('says who did what and why, newest first, for all or for one entity', async () => {
    await rollOut(root, set, 'checkout', 50);
    await rollOut(root, set, 'banner', 5);
    const { revisions: all } = await revisions();
    assert.deepEqual(
      all.map(({ revision }) => revision),
      Array.from({ length: first + 2 }, (_, i) => first + 2 - i),
    );
    const [newest] = all;
    assert.equal(newest?.author, 'root');
    assert.equal(newest?.reason, 'a test');
    assert.deepEqual(
      newest?.changes.map(({ ref, kind, version }) => [ref?.name, kind, version]),
      [['banner', ChangeKind.UPDATED, 2]],
    );
    const { revisions: own } = await revisions(0, '', 'checkout');
    assert.deepEqual(
      own.map(({ revision, changes }) => [revision, changes[0]?.kind]),
      [
        [first + 1, ChangeKind.UPDATED],
        [first, ChangeKind.CREATED],
      ],
    );
  });

  it('is read at once, and as it was committed, while a writer holds the set', async () => {
    const hold = { name: 'test_hold', text: 'select from config.environment where project = $1 for update' };
    const holdProject = { name: 'test_hold_project', text: 'select from config.project where name = $1 for update' };
    const quick = { timeoutMs: 2_000 };
    await database.transaction(async (tx) => {
      await tx.query(hold, [set.project]);
      await tx.query(holdProject, [set.project]);
      const { entities } = await root.config.listEntities(
        { set, sections: [Section.GATE], nameContains: '', pageSize: 0, pageToken: '', archiveState: 0, entity: '' },
        quick,
      );
      assert.equal(entities.length, 2);
      const ref = { section: Section.GATE, name: 'checkout' };
      assert.equal((await root.config.getEntity({ set, ref, revision: 0 }, quick)).revision, first);
      assert.equal((await root.config.getProject({ project: set.project }, quick)).project?.name, set.project);
      assert.equal((await root.config.getEnvironment({ set }, quick)).environment?.revision, first);
      assert.equal((await root.rulesets.getRuleset({ set, revision: 0 }, quick)).frame?.revision, first);
      // One that has to read the whole set, and one that reads it as the stream has it.
      const other = await startAuthority(servers, url, 'config-2');
      try {
        assert.equal((await snapshotOf(other.as(), set)).revision, first);
        const nothing = { set, revision: 0, stateHash: Buffer.alloc(0) };
        for await (const { item } of other
          .as()
          .rulesets.watchRuleset(nothing, { signal: AbortSignal.timeout(2_000) })) {
          assert.equal(item?.$case, 'frame');
          break;
        }
      } finally {
        await other.stop();
      }
    });
  });

  it('is paged', async () => {
    for (let i = 1; i <= 5; i++) await rollOut(root, set, 'checkout', i);
    const one = await revisions(4);
    const two = await revisions(4, one.nextPageToken);
    assert.equal(one.revisions.length, 4);
    assert.equal(two.revisions[0]?.revision, (one.revisions.at(-1)?.revision ?? 0) - 1);
  });

  it('tells two revisions apart, field by field, in both directions', async () => {
    await rollOut(root, set, 'checkout', 50);
    await importInto(root, set, [gate('checkout', 50), gate('search', 1)]);
    const forward = await diff(first, 0);
    assert.deepEqual(
      forward.entities.map(({ ref, kind, fields }) => [
        ref?.name,
        kind,
        fields.filter(({ path }) => path.endsWith('passPercentage')).map(({ before, after }) => [before, after]),
      ]),
      [
        ['banner', ChangeKind.DELETED, []],
        ['checkout', ChangeKind.UPDATED, [['10', '50']]],
        ['search', ChangeKind.CREATED, []],
      ],
    );
    const back = await diff(forward.toRevision, first);
    assert.deepEqual(
      back.entities.find(({ ref }) => ref?.name === 'checkout')?.fields.map(({ before, after }) => [before, after]),
      [['50', '10']],
    );
    await assert.rejects(diff(first, 9_999), refusal('not_found', 'to_revision', /there is no revision 9999/));
  });

  describe('rolled back', () => {
    it('is a new revision with the old state, versions included', async () => {
      const before = await snapshotOf(root, set);
      await rollOut(root, set, 'checkout', 50);
      await importInto(root, set, [gate('checkout', 60), gate('search', 1)]);
      const { revision } = await snapshotOf(root, set);
      const answer = await rollback(first, revision);
      assert.equal(answer.revision, revision + 1);
      assert.equal(answer.isIdentical, true);
      assert.equal(hex(answer.stateHash), hex(before.stateHash));
      assert.equal((await gateIn(root, set, 'checkout')).rules[0]?.passPercentage, 10);
      assert.equal((await gateIn(root, set, 'banner')).rules[0]?.passPercentage, 100);
      const { revisions: all } = await revisions();
      assert.equal(all[0]?.reason, 'it was better');
    });

    it('never gives a version to two bodies', async () => {
      await rollOut(root, set, 'checkout', 50);
      await rollback(first);
      const { version } = await rollOut(root, set, 'checkout', 70);
      assert.equal(version, 3);
    });

    it('changes nothing when nothing differs', async () => {
      const answer = await rollback(first);
      assert.equal(answer.revision, first);
      assert.equal(answer.isIdentical, true);
    });

    it('lets no revoked key in again', async () => {
      const { digest } = await root.config.createKey(
        {
          grant: grantOf({ keyClass: KeyClass.SERVER, ...set, label: 'doomed' }),
          isReused: false,
        },
        { timeoutMs },
      );
      const { revision } = await snapshotOf(root, set);
      await root.config.archiveKey({ digest, reason: 'leaked' }, { timeoutMs });
      await rollOut(root, set, 'checkout', 50);
      const answer = await rollback(revision);
      assert.equal(answer.isIdentical, false);
      assert(!(await snapshotOf(root, set)).upserts.some(({ name }) => name === digest));
    });

    it('refuses what never was, and what somebody else was faster at', async () => {
      await assert.rejects(rollback(9_999), refusal('not_found', 'to_revision', /newest is/));
      await assert.rejects(rollback(first, first + 1), refusal('conflict', 'expected_revision', /not/));
    });
  });

  describe('audited', () => {
    it('has who, when, why, before and after in a chain that verifies', async () => {
      await rollOut(root, set, 'checkout', 50);
      const { rows } = await root.config.listAudit({ set, pageSize: 1, pageToken: '' }, { timeoutMs });
      const [row] = rows;
      assert(row);
      assert.deepEqual([row.author, row.reason, row.revision, row.changeCount], ['root', 'a test', first + 1, 1]);
      const [change] = row.changes;
      assert.equal(change?.key, 'gate/checkout');
      assert.deepEqual(
        change?.fields.map(({ path, before, after }) => [path, before, after]),
        [['rules[0].passPercentage', '10', '50']],
      );
      const answer = await verify();
      assert.deepEqual([answer.rows, answer.firstBrokenRevision, answer.problem], [first + 1, undefined, '']);
      assert.equal(hex(answer.lastHash), hex(row.hash));
    });

    const run = (text: string): Promise<unknown> =>
      database.query({ name: `tamper_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`, text }, [
        set.project,
      ]);
    const tampering: [string, number, string, RegExp][] = [
      [
        'a reason is changed',
        3,
        `update config.audit set reason = 'nothing to see' where project = $1 and revision = 3`,
        /of revision 3 was changed/,
      ],
      [
        'an author is changed in the history',
        3,
        `update config.revision set author = 'mallory' where project = $1 and revision = 3`,
        /of revision 3 says that root wrote it, the history says mallory/,
      ],
      [
        'a line is taken out',
        4,
        'delete from config.audit where project = $1 and revision = 3',
        /of revision 4 follows revision 2/,
      ],
      [
        'the last line is taken off',
        4,
        'delete from config.audit where project = $1 and revision = 4',
        /log ends at revision 3, the set stands at 4/,
      ],
      [
        'a stored body is changed',
        3,
        `update config.entity_version set body = body || '\\x5001' where project = $1 and revision = 3`,
        /of revision 3 has another body of gate\/checkout/,
      ],
      [
        'what stands is changed',
        4,
        `update config.entity set body = body || '\\x5001' where project = $1 and name = 'checkout'`,
        /gate\/checkout stands with another body/,
      ],
      [
        'a change is taken from the history',
        3,
        'delete from config.entity_version where project = $1 and revision = 3',
        /of revision 3 mentions gate\/checkout, whose change is gone/,
      ],
      [
        'a state hash is changed',
        3,
        `update config.revision set state_hash = '\\x00' where project = $1 and revision = 3`,
        /of revision 3 has a revision whose state hash/,
      ],
    ];
    for (const [what, row, text, problem] of tampering) {
      it(`names the first broken line when ${what}`, async () => {
        await rollOut(root, set, 'checkout', 50);
        await rollOut(root, set, 'checkout', 60);
        assert.equal((await verify()).problem, '');
        assert.equal(first, 2, 'the tampering below counts on this');
        await run(text);
        const answer = await verify();
        assert.match(answer.problem, problem);
        assert.equal(answer.firstBrokenRevision, row);
      });
    }

    const keyTampering: [string, number, string, RegExp][] = [
      [
        'may write all of a sudden',
        3,
        'update config.sdk_key set can_write = true where project = $1',
        /has another grant than the log says/,
      ],
      [
        'reaches another environment',
        3,
        `update config.sdk_key set environment = 'staging' where project = $1`,
        /has another grant than the log says/,
      ],
      ['is gone', 3, 'delete from config.sdk_key where project = $1', /is granted by the log, and gone from the keys/],
      [
        'comes from nowhere',
        4,
        `insert into config.sdk_key (digest, key_class, project, environment, can_write, label)
          select repeat('ab', 32), 3, $1, '', true, 'eve'`,
        /the key abababababab… is let in, but no line grants it/,
      ],
    ];
    for (const [what, row, text, problem] of keyTampering) {
      it(`names the line of a key that ${what}`, async () => {
        const grant = grantOf({ keyClass: KeyClass.SERVER, ...set, label: 'theirs' });
        await root.config.createKey({ grant, isReused: false }, { timeoutMs });
        await rollOut(root, set, 'checkout', 50);
        assert.equal((await verify()).problem, '');
        await run(text);
        const answer = await verify();
        assert.match(answer.problem, problem);
        assert.equal(answer.firstBrokenRevision, row);
        // Other sets of the same authority are looked at by other tests.
        await run(`delete from config.sdk_key where project = $1`);
      });
    }

    it('names the line that revoked a key which is let in again', async () => {
      const grant = grantOf({ keyClass: KeyClass.SERVER, ...set, label: 'theirs' });
      const { digest } = await root.config.createKey({ grant, isReused: false }, { timeoutMs });
      await root.config.archiveKey({ digest, reason: 'leaked' }, { timeoutMs });
      await rollOut(root, set, 'checkout', 50);
      assert.equal((await verify()).problem, '');
      await run('update config.sdk_key set archived_at = null where project = $1');
      const answer = await verify();
      assert.match(answer.problem, /is let in, but the line of revision 4 revokes it/);
      assert.equal(answer.firstBrokenRevision, 4);
    });

    it('has lines of what is said of an environment', async () => {
      const { environment } = await root.config.updateEnvironment(
        { set, description: 'for all', expectedVersion: undefined, reason: 'it was not clear' },
        { timeoutMs },
      );
      assert.equal(environment?.description, 'for all');
      const { rows } = await root.config.listAudit({ set, pageSize: 1, pageToken: '' }, { timeoutMs });
      assert.deepEqual(
        rows.map(({ author, reason }) => [author, reason]),
        [['root', 'described as "for all": it was not clear']],
      );
      assert.equal((await verify()).problem, '');
    });

    describe('for a project', () => {
      const project = (): SetRef => ({ project: set.project, environment: '' });
      const lines = async () =>
        (await root.config.listAudit({ set: project(), pageSize: 0, pageToken: '' }, { timeoutMs })).rows;
      const check = () => root.config.verifyAudit({ set: project() }, { timeoutMs });
      const change = async (): Promise<void> => {
        await root.config.updateProject(
          { project: set.project, description: 'the shop', expectedVersion: undefined, reason: 'a name' },
          { timeoutMs },
        );
        await root.config.archiveProject({ project: set.project, reason: 'over' }, { timeoutMs });
      };

      it('says who made it, described it and archived it, and why', async () => {
        await change();
        assert.deepEqual(
          (await lines()).map(({ revision, author, reason }) => [revision, author, reason]),
          [
            [3, 'root', 'project archived: over'],
            [2, 'root', 'described as "the shop": a name'],
            [1, 'root', 'created: with production'],
          ],
        );
        const { rows, problem } = await check();
        assert.deepEqual([rows, problem], [3, '']);
        const made = `made-${sets}`;
        await root.config.createProject({ project: made, reason: 'a test' }, { timeoutMs });
        const { rows: own } = await root.config.listAudit(
          { set: { project: made, environment: '' }, pageSize: 0, pageToken: '' },
          { timeoutMs },
        );
        assert.deepEqual(
          own.map(({ author, reason }) => [author, reason]),
          [['root', 'created: a test']],
        );
        assert.equal((await root.config.getProject({ project: made }, { timeoutMs })).project?.changedBy, 'root');
      });

      const harms: [string, number, string, RegExp][] = [
        [
          'an author is changed',
          2,
          `update config.audit set author = 'eve' where project = $1 and environment = '' and revision = 2`,
          /line 2 was changed/,
        ],
        [
          'a line is taken out',
          3,
          `delete from config.audit where project = $1 and environment = '' and revision = 2`,
          /line 3 follows line 1/,
        ],
        [
          'the last line is taken off',
          3,
          `delete from config.audit where project = $1 and environment = '' and revision = 3`,
          /log ends at version 2, the project stands at 3/,
        ],
        [
          'the project is restored',
          3,
          'update config.project set archived_at = null where name = $1',
          /another description or state than line 3 says/,
        ],
      ];
      for (const [what, row, text, problem] of harms) {
        it(`names the first broken line when ${what}`, async () => {
          await change();
          assert.equal((await check()).problem, '');
          await run(text);
          const answer = await check();
          assert.match(answer.problem, problem);
          assert.equal(answer.firstBrokenRevision, row);
        });
      }

      it('is not for keys of one environment', async () => {
        const grant = grantOf({ ...set, label: 'narrow' });
        const { secret } = await root.config.createKey({ grant, isReused: false }, { timeoutMs });
        const { rows } = await authority
          .as(secret)
          .config.listAudit({ set: project(), pageSize: 1, pageToken: '' }, { timeoutMs });
        assert.match(rows[0]?.reason ?? '', /^key created/, 'it is the log of its own set');
      });
    });

    it('shows no fields of what is too large to be compared, such as long id lists', async () => {
      const unitIds = Array.from({ length: 10_000 }, (_, i) => `somebody-with-a-long-name-${i}`);
      const header = {
        set,
        name: 'vips',
        mode: IdListMode.REPLACE,
        idType: '',
        reason: '',
        expectedVersion: undefined,
      };
      await root.config.uploadIdList(
        (function* () {
          yield { part: { $case: 'header' as const, value: header } };
          yield { part: { $case: 'chunk' as const, value: { unitIds } } };
        })(),
        { timeoutMs },
      );
      const { rows } = await root.config.listAudit({ set, pageSize: 1, pageToken: '' }, { timeoutMs });
      const [change] = rows[0]?.changes ?? [];
      assert.deepEqual([change?.key, change?.afterDigest.length, change?.fields], ['id_list/vips', 32, []]);
    });

    it('verifies while others write', async () => {
      const writes = Array.from({ length: 30 }, (_, i) => rollOut(root, set, 'checkout', i + 20));
      const answers = await Promise.all(Array.from({ length: 5 }, verify));
      await Promise.all(writes);
      for (const { problem } of [...answers, await verify()]) assert.equal(problem, '');
    });
  });
});
