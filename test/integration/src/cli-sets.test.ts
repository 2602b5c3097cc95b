/** Projects, environments, keys, history and the audit log through the command line, as people and as scripts see them. */
import assert from 'node:assert/strict';
import { silentLogger } from '@sluice/mesh';
import { openDatabase } from '@sluice/postgres';
import { startMesh, type TestMesh } from '@sluice/testkit';
import { runInProcess } from './in-process-cli.js';

type Json = Record<string, unknown>;

describe('the sluice command, about sets and what became of them', function () {
  this.timeout(60_000);
  let mesh: TestMesh;
  const set = ['-p', 'shop', '-e', 'test'];

  before(async () => {
    mesh = await startMesh({ evaluators: 1 });
    await json('project', 'create', 'shop', '--reason', 'a test');
    await json('environment', 'create', 'test');
    await json('gate', 'create', 'door', '--rollout', '10', '--reason', 'a start');
    await json('gate', 'update', 'door', '--rollout', '20', '--reason', 'more');
  });

  after(() => mesh?.stop());

  const run = (...args: string[]) => runInProcess(mesh, args.includes('-e') ? args : [...args, ...set]);

  async function json(...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await run(...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Json;
  }

  async function refused(args: string[], exitCode: number, expected: RegExp): Promise<void> {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, exitCode, stdout + stderr);
    assert.match(stderr, expected);
  }

  async function shows(args: string[], expected: RegExp): Promise<void> {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, stderr);
    assert.match(stdout, expected);
  }

  const reasons = (answer: Json, field: string) => (answer[field] as Json[]).map(({ reason }) => reason);

  it('tells what happened, newest first, and what is older than a revision', async () => {
    const all = await json('history');
    assert.deepEqual(reasons(all, 'revisions'), ['more', 'a start', 'created']);
    const newest = (all.revisions as Json[])[0];
    assert.deepEqual([newest?.revision, newest?.author], [3, 'root']);
    const one = await json('history', 'gate/door', '--limit', '1');
    assert.deepEqual(await json('history', 'door', '--limit', '1'), one);
    await refused(['history', 'nobody'], 3, /^error: key: nothing is called nobody/);
    const [only] = one.revisions as Json[];
    assert.deepEqual(only?.changes, [{ key: 'gate/door', kind: 'UPDATED', version: 2 }]);
    assert.deepEqual(reasons(await json('history', '--before', '3'), 'revisions'), ['a start', 'created']);
    assert.deepEqual(reasons(await json('history', '--before', '3', '--limit', '1'), 'revisions'), ['a start']);
    await shows(
      ['history', '--before', '2'],
      /^REVISION +WHEN +BY +WHAT +WHY\n +1 .* root +created key\/[0-9a-f]{64} +created\n$/,
    );
    await shows(['history', '--before', '1'], /^no changes yet\n$/);
    await refused(['history', '--before', '0'], 2, /--before/);
  });

  it('tells two revisions apart, and goes back to one', async () => {
    const { entities } = await json('diff', '2', '3', 'gate/door');
    const [door] = entities as Json[];
    assert.deepEqual([door?.key, door?.kind, door?.fromVersion, door?.toVersion], ['gate/door', 'UPDATED', 1, 2]);
    const fields = (door?.fields ?? []) as Json[];
    const at = fields.find(({ path }) => String(path).endsWith('passPercentage'));
    assert.deepEqual([at?.before, at?.after], ['10', '20']);
    await shows(['diff', '2', '3'], /gate\/door {2}updated\n {2}rules\[0\]\.passPercentage\n {4}- 10\n {4}\+ 20/);
    await shows(['diff', '3', '3'], /^revisions 3 and 3 are alike\n$/);
    await refused(['diff', '2', '99'], 3, /there is no revision 99/);
    await refused(['rollback', '--to', '2', '--expected-revision', '2'], 5, /not 2/);
    const back = await json('rollback', '--to', '2', '--reason', 'too many', '--wait');
    assert.deepEqual([back.revision, back.isIdentical, back.isEverywhere], [4, true, true]);
    await shows(['gate', 'show', 'door'], /10 % → true/);
    await refused(['rollback', '--to', '99'], 3, /there is no revision 99/);
  });

  it('lists the audit log in parts, of the set and of its project, and proves both', async () => {
    const { rows } = await json('audit', 'list', '--limit', '2');
    const [newest, second] = rows as Json[];
    assert.deepEqual([newest?.reason, second?.reason], ['too many', 'more']);
    assert.equal(newest?.previousHash, second?.hash);
    const older = await json('audit', 'list', '--before', String(second?.revision));
    assert.deepEqual(reasons(older, 'rows'), ['a start', 'created']);
    await shows(['audit', 'list'], /too many .*\n {2}gate\/door\n {4}rules\[0\]\.passPercentage: 20 → 10/);
    await shows(['audit', 'list', '--of-project'], /^1 .* by root · created: a test /);
    const proof = await json('audit', 'verify');
    assert.deepEqual([proof.isIntact, proof.rows, proof.lastHash], [true, 4, newest?.hash]);
    await shows(['audit', 'verify', '--of-project'], /^intact {2}1 rows/);
  });

  it('makes, lists, shows, describes, archives and restores projects', async () => {
    await json('project', 'create', 'side');
    assert.equal((await json('project', 'create', 'side')).isCreated, false);
    const names = async (...args: string[]) =>
      ((await json('project', 'list', ...args)).projects as Json[]).map(({ key }) => key);
    assert.deepEqual((await names()).sort(), ['shop', 'side']);
    assert.deepEqual(await names('--name', 'si'), ['side']);
    const update = ['project', 'update', 'side', '--description', 'aside', '--expected-version', '1'];
    assert.equal((await json(...update, '--reason', 'a name')).version, 2);
    await refused(update, 5, /expected_version: the project side is at version 2, not 1/);
    await shows(['project', 'show', 'side'], /^side {2}live\n[\s\S]*description +aside\n[\s\S]*version +2\n/);
    await json('project', 'archive', 'side', '--reason', 'over');
    assert.deepEqual(await names(), ['shop']);
    assert.deepEqual(await names('--archived'), ['side']);
    await shows(['project', 'list', '--all'], /side +archived +aside/);
    await refused(['environment', 'create', 'test', '-p', 'nowhere!', '-e', 'test'], 2, /project/);
    await json('project', 'restore', 'side');
    assert.deepEqual((await names()).sort(), ['shop', 'side']);
    await refused(['project', 'show', 'none'], 3, /there is no project "none"/);
  });

  it('makes, lists, shows, describes, archives and restores environments', async () => {
    await json('environment', 'create', 'staging', '--reason', 'to try out');
    const names = async (...args: string[]) =>
      ((await json('environment', 'list', ...args)).environments as Json[]).map(({ key }) => key);
    assert.deepEqual(await names(), ['shop/staging', 'shop/test']);
    await json('environment', 'update', 'staging', '--description', 'for all', '--reason', 'unclear');
    await shows(
      ['environment', 'show', 'staging'],
      /^shop\/staging {2}live\n[\s\S]*description +for all\n[\s\S]*revision +2/,
    );
    const there = ['-p', 'shop', '-e', 'staging'];
    const history = await json('history', ...there);
    assert.deepEqual(reasons(history, 'revisions'), ['described as "for all": unclear', 'created: to try out']);
    await json('environment', 'archive', 'staging');
    assert.deepEqual(await names('--archived'), ['shop/staging']);
    await refused(['gate', 'create', 'x', '--rollout', '1', ...there], 5, /is archived/);
    await json('environment', 'restore', 'staging');
    assert.deepEqual(await names('--name', 'stag'), ['shop/staging']);
  });

  it('lists keys by label, shows, renames, revokes and restores them', async () => {
    for (const label of ['web', 'worker']) await json('key', 'create', '--label', label);
    const labels = async (...args: string[]) =>
      ((await json('key', 'list', ...args)).keys as Json[]).map(({ label }) => label);
    assert.deepEqual(await labels(), ['web', 'worker']);
    assert.deepEqual(await labels('--label', 'wo'), ['worker']);
    await shows(['key', 'list', '--label', 'none'], /^no such keys\n$/);
    const [key] = (await json('key', 'list', '--label', 'web')).keys as Json[];
    const digest = String(key?.digest).slice(0, 12);
    await shows(['key', 'show', digest], /valid · server key for shop\/test · web · version 1/);
    const rename = ['key', 'rename', digest, '--label', 'site', '--expected-version', '1'];
    assert.deepEqual([(await json(...rename)).label, await labels('--label', 'site')], ['site', ['site']]);
    await refused(rename, 5, /expected_version: the key site is at version 2, not 1/);
    assert.equal((await json('key', 'revoke', digest, '--reason', 'leaked')).isRevoked, true);
    assert.deepEqual([await labels(), await labels('--archived')], [['worker'], ['site']]);
    await shows(['key', 'list', '--all'], /nothing: revoked +site/);
    await json('key', 'restore', digest);
    assert.deepEqual(await labels(), ['site', 'worker']);
    assert.equal((await json('audit', 'verify')).isIntact, true);
  });

  it('lists overrides of a unit, and of entities by name', async () => {
    await json('gate', 'create', 'window', '--rollout', '10');
    await json('override', 'put', 'gate/door', 'true', 'ada', 'grace');
    await json('override', 'put', 'gate/window', 'false', 'grace');
    const keys = async (...args: string[]) =>
      ((await json('override', 'list', ...args)).overrides as Json[]).map(({ key }) => key);
    assert.deepEqual(await keys(), ['gate/door', 'gate/window']);
    assert.deepEqual(await keys('--unit', 'ada'), ['gate/door']);
    assert.deepEqual(await keys('--name', 'wind'), ['gate/window']);
    await shows(['override', 'list', '--unit', 'nobody'], /^no overrides\n$/);
  });

  it('names the row of the audit log that somebody changed, and fails', async () => {
    const database = await openDatabase({ url: mesh.databaseUrl, applicationName: 'test', logger: silentLogger });
    try {
      const text = `update config.audit set reason = 'nothing' where project = 'shop' and environment = 'test' and revision = 2`;
      await database.query({ name: 'tamper', text });
    } finally {
      await database.close();
    }
    const { code, stdout } = await run('audit', 'verify');
    assert.deepEqual([code, stdout], [5, 'broken  the line of revision 2 was changed: its content has another hash\n']);
    const answer = await run('audit', 'verify', '--json');
    assert.equal((JSON.parse(answer.stdout) as Json).firstBrokenRevision, 2);
  });
});
