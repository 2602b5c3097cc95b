/** Explain, replay, streams and export, on a mesh of real processes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userFromJson } from '@sluice/codec';
import { type Client, createClient, type SluiceError } from '@sluice/mesh';
import {
  ConfigServiceService,
  type EvaluateStreamRequest,
  type EvaluateStreamResponse,
  EvaluationServiceService,
  Kind,
  RulesetServiceService,
} from '@sluice/proto';
import { startMesh, type TestMesh, temporaryFolder } from '@sluice/testkit';

const example = fileURLToPath(new URL('../../../examples/storefront.yaml', import.meta.url));
const set = { project: 'storefront', environment: 'development' };
const gate = 'express-checkout';
const timeoutMs = 10_000;
const user = '{"userID":"ada"}';

type Json = Record<string, unknown>;

describe('explain, replay and streams on a mesh', function () {
  this.timeout(60_000);
  let mesh: TestMesh;
  let evaluation: Client<EvaluationServiceService>;
  let rulesets: Client<RulesetServiceService>;
  let config: Client<ConfigServiceService>;

  before(async () => {
    mesh = await startMesh();
    const target = (service: string) => ({
      target: `consul:///${service}`,
      key: mesh.rootKey,
      consulAddr: mesh.consulAddr,
      region: mesh.region,
      maxReceiveBytes: 1 << 26,
    });
    await json('apply', example);
    evaluation = createClient(EvaluationServiceService, target('evaluation'));
    rulesets = createClient(RulesetServiceService, target('evaluation'));
    config = createClient(ConfigServiceService, target('config'));
  });

  after(async () => {
    for (const client of [evaluation, rulesets, config]) client?.close();
    await mesh?.stop();
  });

  async function json(...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await mesh.sluice(...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Json;
  }

  const setRollout = async (rolloutPercentage: number): Promise<number> => {
    const change = { ruleId: '', isEnabled: undefined, expectedVersion: undefined, reason: 'a test' };
    const { revision } = await config.updateGate({ set, name: gate, rolloutPercentage, ...change }, { timeoutMs });
    return revision;
  };

  it('explains rules and conditions in order, with buckets and nested gates', async () => {
    const answer = await json('explain', gate, '--user', user);
    const [spec] = answer.specs as { rules: Json[] }[];
    assert.equal((answer.decision as Json).ruleId, 'staff');
    const [staff = {}, ...others] = spec?.rules ?? [];
    assert.equal(staff.outcome, 'PASSED');
    const [condition = {}] = staff.conditions as Json[];
    assert.deepEqual([condition.outcome, condition.type], ['HOLDS', 'pass_gate']);
    const [nested = {}] = condition.nested as Json[];
    assert.equal(nested.name, 'segment:staff');
    assert.ok(others.every(({ outcome }) => outcome === 'NOT_EVALUATED'));
    const { stdout } = await mesh.sluice('explain', gate, '--user', '{"userID":"nobody"}');
    assert.match(stdout, /gate express-checkout {2}/);
    assert.match(stdout, / 1\. staff {2}100 % {2}conditions failed: condition 1 does not hold\n +no {2}pass_gate/);
    assert.match(stdout, /bucket \d+ is (not )?below \d+/);
    const { code, stderr } = await mesh.sluice('explain', 'nothing', '--user', user);
    assert.equal(code, 3);
    assert.match(stderr, /error: key: there is no "nothing"/);
  });

  it('replays what was decided, from what is held and from the history', async () => {
    const first = await setRollout(100);
    for (let i = 0; i < 40; i++) await setRollout(i % 2);
    const last = await setRollout(0);
    const nobody = '{"userID":"nobody"}';
    const now = await json('check', gate, '--user', nobody, '--min-revision', String(last));
    const then = await json('check', gate, '--user', nobody, '--at-revision', String(first));
    assert.deepEqual([now.value, then.value, then.revision], [false, true, first]);
    const all = await json('eval', '--all', '--user', nobody, '--at-revision', String(first));
    assert.equal((all.decisions as Json[]).find(({ name }) => name === gate)?.value, true);
    const explained = await json('explain', gate, '--user', nobody, '--at-revision', String(last - 1));
    assert.equal(explained.revision, last - 1);
    const { code, stderr } = await mesh.sluice('eval', gate, '--user', user, '--at-revision', '100000');
    assert.equal(code, 3);
    assert.match(
      stderr,
      new RegExp(`at_revision: there is no revision 100000 of storefront/development; the newest is ${last}`),
    );
  });

  it('hands out past revisions, also through an evaluator, each with its proof', async () => {
    const { frame } = await rulesets.getRuleset({ set, revision: 1 }, { timeoutMs });
    assert.deepEqual([frame?.revision, frame?.previousRevision], [1, 0]);
    await assert.rejects(rulesets.getRuleset({ set, revision: 100_000 }, { timeoutMs }), {
      kind: 'not_found',
      message: /^revision: there is no revision 100000/,
    });
  });

  it('answers a stream question by question: a slow or bad one holds up no other', async () => {
    const { revision: held } = await json('check', gate, '--user', user);
    const newest = Number(held);
    const question = (id: number, part: { name?: string; minRevision?: number }, wait = 0): EvaluateStreamRequest => ({
      id,
      timeoutMs: wait,
      request: {
        set,
        keys: [{ kind: Kind.GATE, name: part.name ?? gate }],
        user: userFromJson(user),
        minRevision: part.minRevision ?? 0,
        atRevision: 0,
        isExposureDisabled: true,
      },
    });
    const answers: EvaluateStreamResponse[] = [];
    const ended = Promise.withResolvers<SluiceError | undefined>();
    const three = Promise.withResolvers<void>();
    const stream = evaluation.evaluateStream({
      onMessage: (answer) => void (answers.push(answer) === 3 && three.resolve()),
      onEnd: ended.resolve,
    });
    stream.write(question(1, { minRevision: newest + 1 }));
    stream.write(question(2, { name: '' }));
    stream.write(question(3, {}));
    stream.write(question(4, { minRevision: newest + 100 }, 50));
    await three.promise;
    assert.deepEqual(
      answers.map(({ id, result }) => [id, result?.$case]),
      [
        [2, 'error'],
        [3, 'answer'],
        [4, 'error'],
      ],
    );
    assert.deepEqual(
      answers[0]?.result?.$case === 'error' && [answers[0].result.value.code, answers[0].result.value.field],
      [3, 'keys[0].name'],
    );
    assert.deepEqual(
      answers[2]?.result?.$case === 'error' && [answers[2].result.value.code, answers[2].result.value.field],
      [9, 'min_revision'],
    );
    stream.end();
    await setRollout(50);
    assert.equal(await ended.promise, undefined);
    assert.deepEqual([answers[3]?.id, answers[3]?.result?.$case], [1, 'answer']);
  });

  it('refuses a stream without a key once, at its start', async () => {
    const stranger = createClient(EvaluationServiceService, {
      target: 'consul:///evaluation',
      consulAddr: mesh.consulAddr,
    });
    const error = await new Promise<SluiceError | undefined>((resolve) => {
      stranger.evaluateStream({ onMessage: () => assert.fail('nothing was asked'), onEnd: resolve });
    });
    assert.equal(error?.kind, 'unauthenticated');
    stranger.close();
  });

  it('exports a document that says when it changed', async () => {
    const folder = await temporaryFolder();
    const out = join(folder.path, 'specs.json');
    const named = ['--project', set.project, '--environment', set.environment];
    const first = await json('export', 'statsig', ...named, '--out', out);
    const document = JSON.parse(await readFile(out, 'utf8')) as Json;
    assert.deepEqual([document.checksum, document.time], [first.checksum, first.time]);
    await setRollout(12);
    const { stdout } = await mesh.sluice('export', 'statsig', ...named);
    const second = JSON.parse(stdout) as Json;
    assert.notEqual(second.checksum, first.checksum);
    assert.ok(Number(second.time) >= Number(first.time));
    const past = await json('export', 'statsig', ...named, '--out', out, '--at-revision', String(first.revision));
    assert.equal(past.checksum, first.checksum);
    await folder.remove();
  });
});
