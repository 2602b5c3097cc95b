import assert from 'node:assert/strict';
import { ArchiveState, KeyClass, type KeyGrant, type SetRef } from '@sluice/proto';
import { eventually, type Servers, startServers } from '@sluice/testkit';
import {
  type Authority,
  type Caller,
  freshDatabase,
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

let projects = 0;

describe('projects, environments and keys of the authority', () => {
  let servers: Servers;
  let authority: Authority;
  let root: Caller;
  let project: string;
  let set: SetRef;

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    authority = await startAuthority(servers, await freshDatabase(servers));
    root = authority.as();
  });

  beforeEach(async () => {
    projects += 1;
    project = `shop-${projects}`;
    set = { project, environment: 'production' };
    await importInto(root, set, [gateOf('checkout', [ruleOf('everyone', 10)])]);
  });

  after(async () => {
    await authority?.stop();
    await servers?.stop();
  });

  const projectsLike = async (archiveState: ArchiveState, nameContains = project) =>
    (
      await root.config.listProjects({ nameContains, pageSize: 0, pageToken: '', archiveState }, { timeoutMs })
    ).projects.map(({ name }) => name);
  const createKey = async (part: Partial<KeyGrant>, caller = root) =>
    caller.config.createKey({ grant: grantOf({ ...set, ...part }), isReused: false }, { timeoutMs });

  describe('a project', () => {
    it('says what it is for, counts its changes, and shows a conflict', async () => {
      const change = (description: string, expectedVersion?: number) =>
        root.config.updateProject({ project, description, expectedVersion }, { timeoutMs });
      const changed = await change('The shop', 1);
      assert.deepEqual([changed.project?.description, changed.project?.version], ['The shop', 2]);
      const conflict = /at version 2, not 1: "root" changed it at 20.*description: yours "Ours", stored "The shop";/;
      await assert.rejects(change('Ours', 1), refusal('conflict', 'expected_version', conflict));
      await assert.rejects(change('x'.repeat(1_001)), refusal('invalid', 'description', /limit is 1000/));
      const read = await root.config.getProject({ project }, { timeoutMs });
      assert.deepEqual([read.project?.environmentCount, read.project?.changedBy], [1, 'root']);
    });

    it('refuses writes while it is archived, is still served, and comes back', async () => {
      await root.config.archiveProject({ project, reason: 'sold' }, { timeoutMs });
      await assert.rejects(
        rollOut(root, set, 'checkout', 50),
        refusal('precondition', 'set', new RegExp(`project ${project} is archived.*restore it first`)),
      );
      const { upserts } = await snapshotOf(root, set);
      assert(upserts.some(({ name }) => name === 'checkout'));
      assert.deepEqual(await projectsLike(ArchiveState.LIVE), []);
      assert.deepEqual(await projectsLike(ArchiveState.ARCHIVED), [project]);
      await root.config.restoreProject({ project, reason: 'bought back' }, { timeoutMs });
      await rollOut(root, set, 'checkout', 50);
      const { rows } = await root.config.listAudit({ set, pageSize: 3, pageToken: '' }, { timeoutMs });
      assert.deepEqual(
        rows.map(({ reason }) => reason),
        ['a test', 'project restored: bought back', 'project archived: sold'],
      );
      assert.equal((await root.config.verifyAudit({ set }, { timeoutMs })).problem, '');
    });

    it('is out of reach for keys of others, which do not learn that it exists', async () => {
      const { secret } = await createKey({ keyClass: KeyClass.CONSOLE, canWrite: true, environment: '' });
      const owner = authority.as(secret);
      const other = `other-${projects}`;
      await importInto(root, { project: other, environment: 'production' }, []);
      const ask = (name: string) => owner.config.getProject({ project: name }, { timeoutMs });
      await eventually(async () => assert.equal((await ask(project)).project?.name, project));
      for (const name of [other, 'no-such-project']) {
        await assert.rejects(ask(name), refusal('not_found', 'project', new RegExp(`there is no project "${name}"`)));
      }
      const { projects: seen } = await owner.config.listProjects(
        { nameContains: '', pageSize: 0, pageToken: '', archiveState: ArchiveState.ANY },
        { timeoutMs },
      );
      assert.deepEqual(
        seen.map(({ name }) => name),
        [project],
      );
    });
  });

  describe('an environment', () => {
    it('is listed with its revision, described, archived and restored on its own', async () => {
      const staging = { project, environment: 'staging' };
      await root.config.createEnvironment({ set: staging }, { timeoutMs });
      await root.config.updateEnvironment(
        { set: staging, description: 'For trying out', expectedVersion: 1 },
        { timeoutMs },
      );
      await assert.rejects(
        root.config.updateEnvironment({ set: staging, description: 'Old', expectedVersion: 1 }, { timeoutMs }),
        refusal('conflict', 'expected_version', /description: yours "Old", stored "For trying out";/),
      );
      await root.config.archiveEnvironment({ set, reason: 'closed' }, { timeoutMs });
      await assert.rejects(
        rollOut(root, set, 'checkout', 50),
        refusal('precondition', 'set', new RegExp(`environment ${project}/production is archived`)),
      );
      const list = (archiveState: ArchiveState) =>
        root.config.listEnvironments(
          { project, nameContains: '', pageSize: 0, pageToken: '', archiveState },
          { timeoutMs },
        );
      const live = await list(ArchiveState.LIVE);
      assert.deepEqual(
        live.environments.map((one) => [one.set?.environment, one.description, one.revision]),
        // What it is for is a line in its audit log, and so a revision.
        [['staging', 'For trying out', 2]],
      );
      await root.config.restoreEnvironment({ set, reason: 'open' }, { timeoutMs });
      assert.equal((await list(ArchiveState.ANY)).environments.length, 2);
      await rollOut(root, set, 'checkout', 50);
    });
  });

  describe('a key', () => {
    const reachesSet = async (digest: string) =>
      (await snapshotOf(root, set)).upserts.some(({ name }) => name === digest);

    it('is revoked at once, everywhere, also in archived sets, and can be let in again', async () => {
      const { secret, digest } = await createKey({ keyClass: KeyClass.SERVER });
      const holder = authority.as(secret);
      await snapshotOf(holder, set);
      await root.config.archiveEnvironment({ set, reason: '' }, { timeoutMs });
      const { key } = await root.config.archiveKey({ digest, reason: 'leaked' }, { timeoutMs });
      assert.deepEqual([key?.isArchived, key?.version], [true, 2]);
      await assert.rejects(snapshotOf(holder, set), refusal('unauthenticated', undefined, /revoked/));
      assert.equal(await reachesSet(digest), false);
      await root.config.restoreEnvironment({ set, reason: '' }, { timeoutMs });
      await root.config.restoreKey({ digest, reason: 'was no leak' }, { timeoutMs });
      assert.equal(await reachesSet(digest), true);
      await snapshotOf(holder, set);
    });

    it('does not come back into new sets while it is revoked', async () => {
      const { digest } = await createKey({ keyClass: KeyClass.CONSOLE, environment: '' });
      await root.config.archiveKey({ digest, reason: '' }, { timeoutMs });
      const fresh = { project, environment: 'fresh' };
      await root.config.createEnvironment({ set: fresh }, { timeoutMs });
      assert(!(await snapshotOf(root, fresh)).upserts.some(({ name }) => name === digest));
    });

    it('is renamed, in its sets too, at the expected version', async () => {
      const { digest } = await createKey({ keyClass: KeyClass.SERVER, label: 'old' });
      const rename = (label: string, expectedVersion?: number) =>
        root.config.updateKey({ digest, label, expectedVersion, reason: '' }, { timeoutMs });
      const { key } = await rename('new', 1);
      assert.deepEqual([key?.grant?.label, key?.version], ['new', 2]);
      const { upserts } = await snapshotOf(root, set);
      const body = upserts.find(({ name }) => name === digest)?.body;
      assert(body?.$case === 'key');
      assert.equal(body.value.label, 'new');
      assert.equal(key?.changedBy, 'root');
      const conflict = /at version 2, not 1: "root" changed it at 20.*label: yours "newer", stored "new";/;
      await assert.rejects(rename('newer', 1), refusal('conflict', 'expected_version', conflict));
      await assert.rejects(rename('x'.repeat(101)), refusal('invalid', 'label', /at most 100/));
    });

    it('is found by the beginning of its digest, and never with its secret', async () => {
      const { digest } = await createKey({ keyClass: KeyClass.SERVER });
      const get = (text: string) => root.config.getKey({ digest: text }, { timeoutMs });
      assert.equal((await get(digest.slice(0, 12))).key?.digest, digest);
      await assert.rejects(get('zz'), refusal('invalid', 'digest', /hexadecimal/));
      await assert.rejects(get('0'.repeat(64)), refusal('not_found', 'digest', /ListKeys/));
    });

    it('can not revoke itself', async () => {
      const { secret, digest } = await createKey({ keyClass: KeyClass.CONSOLE, canWrite: true });
      const holder = authority.as(secret);
      await assert.rejects(
        holder.config.archiveKey({ digest, reason: '' }, { timeoutMs }),
        refusal('forbidden', undefined, /revoke it with another one/),
      );
    });

    it('is listed page by page', async () => {
      for (let i = 0; i < 5; i++) await createKey({ keyClass: KeyClass.SERVER, label: `page-${i}` });
      const list = (pageToken: string) =>
        root.config.listKeys(
          {
            project,
            environment: 'production',
            labelContains: 'page-',
            pageSize: 2,
            pageToken,
            archiveState: ArchiveState.LIVE,
          },
          { timeoutMs },
        );
      const labels: (string | undefined)[] = [];
      let token = '';
      do {
        const { keys, nextPageToken } = await list(token);
        labels.push(...keys.map(({ grant }) => grant?.label));
        token = nextPageToken;
      } while (token !== '');
      assert.deepEqual(labels, ['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
    });
  });
});
