/**
 * Every kind of entity through the command line: made, shown, changed, archived, restored. The commands
 * run in this process, as there are many of them; cli.test.ts starts the real program.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startMesh, type TestMesh } from '@sluice/testkit';
import { runInProcess } from './in-process-cli.js';

type Json = Record<string, unknown>;

/** For each kind: what makes one, what changes it, and what `show` says then. */
const kinds: Readonly<Record<string, { make: string[]; change: string[]; shows: RegExp }>> = {
  gate: {
    make: ['--rollout', '10', '--country', 'DE,FR'],
    change: ['--rollout', '30', '--when', '{"field":"plan","is":"pro"}'],
    shows:
      /^it-gate {2}on · by userID · version 2\n {2}1\. rollout {2}30 % → true\n {5}when plan any \["pro"\]\n {2}else {2}false/,
  },
  config: {
    make: ['--default', '{"text":"Hi"}'],
    change: ['--default', '{"text":"Hi"}', '--value', '{"text":"Hello"}', '--rollout', '50'],
    shows: /50 % → \{"text":"Hello"\}\n {2}else {2}\{"text":"Hi"\}/,
  },
  segment: {
    make: ['--when', '{"field":"email","ends_with":"@sluice.test"}'],
    change: ['--when', '{"field":"email","ends_with":"@staff.test"}'],
    shows: /when email str_ends_with_any \["@staff\.test"\]/,
  },
  experiment: {
    make: ['--parameters', '{"size":1}', '--group', 'a:50', '--group', 'b:50:{"size":2}', '--status', 'draft'],
    change: ['--parameters', '{"size":1}', '--group', 'a:80', '--group', 'b:20:{"size":2}', '--status', 'running'],
    shows: /^it-experiment {2}experiment · running · [\s\S]* groups {2}a 80 %, b 20 %/,
  },
  layer: {
    make: ['--parameters', '{"steps":3}'],
    change: ['--parameters', '{"steps":4}'],
    shows: /^it-layer {2}layer · [\s\S]*else {2}\{"steps":4\}/,
  },
  holdout: {
    make: ['--percentage', '5'],
    change: ['--percentage', '2'],
    shows: /^it-holdout {2}holdout · [\s\S]*held {2}2 % → true/,
  },
  store: {
    make: ['--parameter', 'size={"value":1}'],
    change: ['--parameter', 'size={"value":2}'],
    shows: /PARAMETER +TYPE +VALUE\n {2}size +number +2/,
  },
  list: { make: [], change: ['--description', 'people', '--id', 'ada'], shows: /^list\/it-list {2}1 id [\s\S]*people/ },
};

describe('the kinds of the sluice command', function () {
  this.timeout(60_000);
  let mesh: TestMesh;

  before(async () => {
    mesh = await startMesh({ evaluators: 1 });
    await json('project', 'create', 'shop');
    await json('environment', 'create', 'test', '-p', 'shop');
  });

  after(() => mesh?.stop());

  const sluice = (...args: string[]) => runInProcess(mesh, args);
  const set = ['-p', 'shop', '-e', 'test'];
  const run = (...args: string[]) => sluice(...args, ...set);

  async function json(...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await sluice(...args, ...(args.includes('-p') ? [] : set), '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Json;
  }

  async function refused(args: string[], exitCode: number, expected: RegExp): Promise<void> {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, exitCode, stdout + stderr);
    assert.match(stderr, expected);
  }

  it('keep their salt and their overrides through an update that says nothing of them', async () => {
    await json('gate', 'create', 'salted', '--rollout', '0', '--salt', 'mine');
    await json('override', 'put', 'gate/salted', 'true', 'ada');
    await json('gate', 'update', 'salted', '--rollout', '10');
    const exported = await json('export', 'statsig');
    const gate = (exported.feature_gates as Readonly<Record<string, Json>>).salted;
    assert.equal(gate?.salt, 'mine');
    const { overrides } = await json('override', 'list', 'gate/salted');
    assert.deepEqual(overrides, [{ key: 'gate/salted', idType: 'userID', answer: 'true', unitIds: ['ada'] }]);
    await json('gate', 'archive', 'salted');
  });

  for (const [kind, { make, change, shows }] of Object.entries(kinds)) {
    it(`make, show, change, archive and restore: ${kind}`, async () => {
      const name = `it-${kind}`;
      const made = await json(kind, 'create', name, ...make, '--reason', 'a test');
      assert.deepEqual((made.entities as Json[])[0], { key: `${kind}/${name}`, version: 1, isChanged: true });
      await refused([kind, 'create', name, ...make], 5, new RegExp(`^error: name: ${kind}/${name} exists already`));
      await json(kind, 'update', name, ...change, '--expected-version', '1');
      await refused([kind, 'update', name, ...make, '--expected-version', '1'], 5, /^error: --expected-version: /);
      const { stdout } = await run(kind, 'show', name);
      assert.match(stdout, shows);
      assert.match((await run(kind, 'list')).stdout, new RegExp(`^(segment:)?${name} `, 'm'));
      await json(kind, 'archive', name, '--reason', 'over');
      assert.doesNotMatch((await run(kind, 'list')).stdout, new RegExp(`^(segment:)?${name} `, 'm'));
      await refused([kind, 'archive', name], 5, /is archived already/);
      await json(kind, 'restore', name);
      assert.match((await run(kind, 'list')).stdout, new RegExp(`^(segment:)?${name} `, 'm'));
    });
  }

  it('name the rules that still use something, and let go with the last of them', async () => {
    await json('list', 'create', 'vips');
    await json('gate', 'create', 'door', '--in-list', 'vips');
    await refused(['list', 'archive', 'vips'], 5, /list\/vips is still used by gate\/door rules\[0\]/);
    await json('gate', 'archive', 'door');
    await json('list', 'archive', 'vips');
    await refused(['gate', 'restore', 'door'], 2, /there is no id_list\/vips|no list\/vips/);
    await json('list', 'restore', 'vips');
    await json('gate', 'restore', 'door');
    assert.match((await run('gate', 'show', 'door')).stdout, /when userID in_segment_list "vips"/);
  });

  it('give some units one answer, ahead of the rules', async () => {
    await json(
      'experiment',
      'create',
      'button',
      '--parameters',
      '{"x":1}',
      '--group',
      'a:50',
      '--group',
      'b:50:{"x":2}',
    );
    await json('override', 'put', 'experiment/button', 'b', 'ada', 'grace');
    assert.match((await run('override', 'list')).stdout, /^experiment\/button +b +userID +ada, grace/m);
    await refused(['override', 'put', 'experiment/button', 'z', 'ada'], 3, /has no group "z"; it has a, b/);
    assert.equal((await json('override', 'delete', 'experiment/button')).removed, 2);
    assert.equal((await run('override', 'list')).stdout, 'no overrides\n');
  });

  it('upload ids, tell which of them a list holds, and take some away', async () => {
    const file = join(dirname(mesh.contextFile), 'ids.txt');
    await writeFile(file, 'ada\ngrace\n');
    await json('list', 'create', 'guests');
    await json('list', 'upload', 'guests', file);
    const shown = await run('list', 'show', 'guests', '--has', 'ada,bob');
    assert.match(shown.stdout, /2 ids/);
    await writeFile(file, 'ada\n');
    await json('list', 'upload', 'guests', file, '--remove');
    assert.match((await run('list', 'show', 'guests')).stdout, /1 id\b/);
  });

  it('take several documents at once, and leave alone what they do not name', async () => {
    const file = join(dirname(mesh.contextFile), 'two.yaml');
    const gate = (name: string, on: boolean) => `gates:\n  ${name}: {on: ${on}}\n`;
    await writeFile(file, `project: shop\n${gate('one', true)}---\nproject: other\n${gate('two', true)}`);
    await refused(['apply', file, '--merge'], 2, /--project: goes with one project, and the file has shop, other/);
    const apply = () => sluice('apply', file, '--merge', '-e', 'test');
    const missing = await apply();
    assert.equal(missing.code, 3, missing.stderr);
    assert.match(missing.stderr, /other\/test does not exist/);
    assert.doesNotMatch((await run('gate', 'list')).stdout, /^one /m, 'nothing is written before all is checked');
    await json('project', 'create', 'other');
    await json('environment', 'create', 'test', '-p', 'other');
    const { code, stderr } = await apply();
    assert.equal(code, 0, stderr);
    const { stdout } = await run('gate', 'list');
    assert.match(stdout, /^one /m);
    assert.match(stdout, /^door /m);
    assert.match((await sluice('gate', 'list', '-p', 'other', '-e', 'test')).stdout, /^two /m);
  });

  it('say in a document who is overridden, and what the project is', async () => {
    const file = join(dirname(mesh.contextFile), 'overrides.yaml');
    const applied = async (text: string) => {
      await writeFile(file, `project: papers\n${text}`);
      await json('apply', file, '-p', 'papers', '-e', 'test');
      const { overrides } = await json('override', 'list', '-p', 'papers', '-e', 'test');
      return (overrides as Json[]).map(({ key, answer, unitIds }) => `${key} ${answer} ${unitIds}`);
    };
    const experiment = 'experiments: {e: {parameters: {}, groups: [{name: a, weight: 100}]';
    const overrides = '{g: {overrides: [{value: true, ids: [ada]}]}}';
    const both = await applied(
      `description: News\ngates: ${overrides}\n${experiment}, overrides: [{group: a, ids: [bob]}]}}`,
    );
    assert.deepEqual(both, ['gate/g true ada', 'experiment/e a bob']);
    const { description } = await json('project', 'show', 'papers');
    assert.equal(description, 'News');
    assert.deepEqual(await applied(`gates: {g: {}}\n${experiment}}}`), both);
    assert.deepEqual(await applied(`gates: {g: {overrides: []}}\n${experiment}}}`), ['experiment/e a bob']);
  });

  it('are checked by config before they are applied', async () => {
    const file = join(dirname(mesh.contextFile), 'dry.yaml');
    const dry = async (text: string) => {
      await writeFile(file, `project: shop\n${text}`);
      return run('apply', file, '--dry-run', '--json');
    };
    const condition = (text: string) => `gates: {g: {rules: [{name: r, when: [${text}]}]}}`;
    const fine = await dry(condition('{field: plan, is: weekly}'));
    assert.equal(fine.code, 0, fine.stderr);
    const { isAsked, upserted } = JSON.parse(fine.stdout) as Json;
    assert.deepEqual([isAsked, upserted], [true, 2]);
    await refused(
      ['apply', file, '--expected-revision', '0'],
      5,
      /^error: --expected-revision: the set is at revision \d+, not 0: .* wrote revision .*; look at `sluice history`, then repeat/,
    );
    assert.doesNotMatch((await run('gate', 'list')).stdout, /^g /m);
    const wrong: [string, RegExp][] = [
      [condition("{field: email, matches: '((a{1000}){1000}){1000}'}"), /too large/],
      [condition('{unit: userID, in_list: nobodys}'), /there is no id_list\/nobodys/],
      ['stores: {s: {parameters: {p: {config: gone, type: string}}}}', /there is no config\/gone/],
    ];
    for (const [text, message] of wrong) {
      const { code, stderr } = await dry(text);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
    assert.doesNotMatch((await run('gate', 'list')).stdout, /^g /m);
  });
});
