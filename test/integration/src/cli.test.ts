/** The public command line against a whole mesh of real processes. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';

const example = fileURLToPath(new URL('../../../examples/storefront.yaml', import.meta.url));
const demo = fileURLToPath(new URL('../../../../shared/statsig/demo_proj_dcs.json', import.meta.url));

type Json = Record<string, unknown>;

describe('the sluice command on a mesh', function () {
  this.timeout(60_000);
  let mesh: TestMesh;

  before(async () => {
    mesh = await startMesh({ evaluators: 2 });
    await json('apply', example);
  });

  after(() => mesh?.stop());

  /** Runs a command that has to succeed. @returns its one JSON document. */
  async function json(...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await mesh.sluice(...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Json;
  }

  async function refused(args: string[], exitCode: number, expected: RegExp): Promise<void> {
    const { code, stdout, stderr } = await mesh.sluice(...args);
    assert.equal(code, exitCode, stdout + stderr);
    assert.match(stderr, expected);
  }

  it('applies the same document twice as one revision', async () => {
    const { revision } = await json('sets').then(({ sets }) => (sets as Json[])[0] ?? {});
    const again = await json('apply', example);
    assert.deepEqual([again.upserted, again.deleted, again.revision], [0, 0, revision]);
  });

  it('lists gates, configs, experiments, layers and segments', async () => {
    const names = async (what: string): Promise<unknown[]> =>
      ((await json(what))[what] as Json[]).map(({ name }) => name);
    assert.ok((await names('gates')).includes('express-checkout'));
    assert.deepEqual(await names('configs'), ['search-ranking']);
    assert.deepEqual(await names('experiments'), ['checkout-button', 'checkout-steps']);
    assert.deepEqual(await names('layers'), ['checkout']);
    assert.ok((await names('segments')).includes('segment:staff'));
    const { stdout } = await mesh.sluice('gates', '--name', 'gift');
    assert.match(stdout, /^NAME +KIND +STATE +ROLLOUT .*\ngift-cards +feature_gate +on +100 %/);
  });

  it('checks a gate: value, rule, reason, revision and age', async () => {
    const answer = await json('check', 'express-checkout', '--user', '{"userID":"ada"}');
    assert.deepEqual(
      [answer.value, answer.ruleId, answer.reason, answer.isStale],
      [true, 'staff', 'TARGETING_MATCH', false],
    );
    assert.ok(Number(answer.revision) > 0 && Number(answer.ageMs) >= 0);
    const { stdout } = await mesh.sluice('check', 'gift-cards', '--user', '{"userID":"ada"}');
    assert.match(
      stdout,
      /^gift-cards {2}true\n {2}rule +rehearsal\n {2}reason +TARGETING_MATCH\n {2}revision +\d+ of storefront\/development, /,
    );
  });

  it('decides everything, or what is named', async () => {
    const { decisions } = (await json('eval', '--all', '--user', '{"userID":"grace"}')) as { decisions: Json[] };
    assert.deepEqual([...new Set(decisions.map(({ kind }) => kind))].sort(), ['config', 'experiment', 'gate', 'layer']);
    const layer = ((await json('eval', 'layer/checkout', '--user', '{"userID":"grace"}')).decisions as Json[])[0];
    assert.deepEqual(layer?.value, { button_text: 'Buy', button_color: 'blue', steps: 3 });
    assert.equal(layer?.allocatedExperiment, 'checkout-button');
    const { code, stdout } = await mesh.sluice('eval', 'express-checkout', 'nothing', '--user', '{"userID":"a"}');
    assert.equal(code, 3);
    assert.match(stdout, /nothing .*FLAG_NOT_FOUND/);
  });

  it('changes a gate and waits until every evaluator has it', async () => {
    const change = await json('gate', 'set', 'express-checkout', '--rollout', '25', '--wait', '--reason', 'a test');
    const evaluators = change.evaluators as Json[];
    assert.equal(change.isEverywhere, true);
    assert.deepEqual(
      evaluators.map(({ instance, hasIt }) => [instance, hasIt]),
      [
        ['evaluation-1', true],
        ['evaluation-2', true],
      ],
    );
    assert.ok(evaluators.every(({ latencyMs }) => Number(latencyMs) > 0));
    const answer = await json(
      'check',
      'express-checkout',
      '--user',
      '{"userID":"ada"}',
      '--min-revision',
      String(change.revision),
    );
    assert.ok(Number(answer.revision) >= Number(change.revision));
    const { stdout } = await mesh.sluice('gate', 'show', 'express-checkout');
    assert.match(stdout, /3\. everyone {2}25 % → true/);
  });

  it('switches a gate off and on', async () => {
    const off = await json('gate', 'set', 'winter-sale', '--off', '--wait');
    const answer = await json('check', 'winter-sale', '--user', '{}', '--min-revision', String(off.revision));
    assert.deepEqual([answer.value, answer.reason], [false, 'DISABLED']);
    const on = await json('gate', 'set', 'winter-sale', '--on');
    assert.equal(Number(on.version), Number(off.version) + 1);
  });

  it('counts exposures and events once they are written', async () => {
    const user = '{"userID":"a-buyer"}';
    await json('check', 'team-baskets', '--user', '{"userID":"a-buyer","customIDs":{"companyID":"acme"}}');
    const metadata = '{"cart":"a-cart"}';
    const { id } = await json('log', 'purchase', '--user', user, '--value', '12.5', '--metadata', metadata);
    await json('log', 'purchase', '--user', user, '--value', '12.5', '--metadata', metadata, '--id', String(id));
    await json('log', 'purchase', '--user', user, '--value', '7.5');
    await eventually(async () => {
      const { count, sum, units } = await json('events', 'purchase');
      assert.deepEqual([count, sum, units], [2, 20, 1]);
    });
    await eventually(async () => {
      const { groups } = (await json('exposures', 'team-baskets')) as { groups: Json[] };
      assert.equal(
        groups.reduce((sum, { units }) => sum + Number(units), 0),
        1,
      );
    });
  });

  it('shows every instance with its revision and lag', async () => {
    const { instances, newest } = (await json('mesh')) as { instances: Json[]; newest: Json[] };
    assert.deepEqual(
      instances.map(({ instance, state }) => [instance, state]),
      ['config-1', 'evaluation-1', 'evaluation-2', 'health-1', 'ingestion-1'].map((instance) => [instance, 'SERVING']),
    );
    assert.ok(newest.some(({ project, revision }) => project === 'storefront' && Number(revision) > 0));
    const { stdout } = await mesh.sluice('mesh');
    assert.match(stdout, /5 instances, 5 serving · storefront\/development is at revision \d+/);
  });

  it('loads a Statsig project that nobody here wrote', async function () {
    if (!existsSync(demo)) {
      console.log('      NOT RUN: ../shared/statsig/demo_proj_dcs.json is not there');
      return this.skip();
    }
    const set = ['--project', 'demo', '--environment', 'production'];
    await json('import', 'statsig', demo, ...set);
    const { gates } = (await json('gates', ...set)) as { gates: Json[] };
    assert.equal(gates.length, 8);
    await eventually(async () => {
      const { decisions } = (await json('eval', '--all', '--user', '{"userID":"a-user"}', ...set)) as {
        decisions: Json[];
      };
      assert.equal(decisions.length, 18);
    });
  });

  it('refuses bad input, names the field, and changes nothing', async () => {
    const before = await json('sets');
    const file = join(dirname(mesh.contextFile), 'not-a-spec.json');
    await writeFile(file, '{"has_updates":true}');
    const user = ['--user', '{"userID":"a"}'];
    await refused(
      ['check', 'express-checkout', '--user', '{"userID":a}'],
      2,
      /^error: --user: is not JSON at position 10/,
    );
    await refused(['check', 'express-checkout', '--user', '{"userId":"a"}'], 2, /^error: user\.userId: /);
    await refused(['check', 'nothing', ...user], 3, /^error: gate: there is no gate "nothing"/);
    await refused(['check', 'gift-cards', ...user, '-e', 'nowhere'], 3, /^error: set/);
    await refused(
      ['gate', 'set', 'gift-cards', '--rollout', '101'],
      2,
      /^error: --rollout: must be a number between 0 and 100/,
    );
    await refused(['gate', 'set', 'nothing', '--on'], 3, /^error: gate: there is no gate "nothing"/);
    await refused(['gate', 'set', 'gift-cards', '--rollout', '5', '--rule', 'nothing'], 3, /^error: --rule: /);
    await refused(
      ['gate', 'set', 'gift-cards', '--off', '--expected-version', '99'],
      5,
      /^error: --expected-version: gate\/gift-cards is at version \d+, not 99.*`sluice gate show gift-cards`.*\n.*gate\/gift-cards enabled: yours false, stored true/,
    );
    await refused(['import', 'statsig', file], 2, /^error: file: /);
    await refused(['log', '', ...user], 2, /^error: .*name/);
    assert.deepEqual(await json('sets'), before);
  });

  it('refuses keys that are wrong, and keys that may only read', async () => {
    const { secret } = await json('key', 'create', '--class', 'server', '--label', 'a-test');
    const withKey = async (key: string, ...args: string[]) => {
      const saved = process.env.SLUICE_KEY;
      process.env.SLUICE_KEY = key;
      try {
        return await mesh.sluice(...args);
      } finally {
        if (saved === undefined) delete process.env.SLUICE_KEY;
        else process.env.SLUICE_KEY = saved;
      }
    };
    const wrong = await withKey('sluice_server_wrong', 'gates');
    assert.equal(wrong.code, 4, wrong.stderr);
    assert.match(wrong.stderr, /^error: key: Unknown SDK key/);
    const reading = await withKey(String(secret), 'gate', 'set', 'gift-cards', '--off');
    assert.equal(reading.code, 4, reading.stderr);
    await eventually(async () => {
      const check = await withKey(String(secret), 'check', 'gift-cards', '--user', '{"userID":"a"}');
      assert.equal(check.code, 0, check.stderr);
    });
  });

  it('says so when nobody answers', async () => {
    const health = mesh.process('health-1');
    await health.kill();
    try {
      await refused(['mesh', '--timeout', '1s'], 6, /^error: (unavailable|deadline): /);
    } finally {
      await health.start();
    }
  });
});
