/** An evaluator that hangs (SIGSTOP) is named, and nobody else notices. */
import assert from 'node:assert/strict';
import { userFromJson } from '@sluice/codec';
import { type Client, createClient } from '@sluice/mesh';
import {
  ConfigServiceService,
  EvaluationServiceService,
  HealthState,
  ImportRulesetRequest,
  type InstanceHealth,
  Kind,
  MeshHealthServiceService,
  type SetRef,
} from '@sluice/proto';
import { eventually, goal, startMesh, type TestMesh } from '@sluice/testkit';
import { gateOf, rollOut, ruleOf, timeoutMs } from './authority.js';

const goalMs = 3_000;
/** Generous for an answer out of memory, and far below what a wait for a frozen process takes. */
const quickMs = 500;
const callsMade = 200;
const set: SetRef = { project: 'frozen', environment: 'production' };
const frozen = 'evaluation-2';

describe('an evaluator that is frozen', function () {
  this.timeout(90_000);
  let mesh: TestMesh;
  let config: Client<ConfigServiceService>;
  let health: Client<MeshHealthServiceService>;
  let evaluation: Client<EvaluationServiceService>;

  before(async () => {
    mesh = await startMesh({ evaluators: 2, services: ['config', 'evaluation', 'health'] });
    const connect = <D extends object>(definition: D, target: string): Client<D> =>
      createClient(definition, { target, key: mesh.rootKey, consulAddr: mesh.consulAddr, region: mesh.region });
    config = connect(ConfigServiceService, `static:///${mesh.process('config-1').address}`);
    health = connect(MeshHealthServiceService, `static:///${mesh.process('health-1').address}`);
    evaluation = connect(EvaluationServiceService, 'consul:///evaluation');
    const entities = [gateOf('checkout', [ruleOf('everyone', 0)])];
    await config.importRuleset(ImportRulesetRequest.fromPartial({ set, entities, reason: 'a test' }), { timeoutMs });
    await eventually(async () => {
      const { instances } = await health.getMesh({}, { timeoutMs });
      const evaluators = instances.filter(({ service }) => service === 'evaluation');
      assert.deepEqual(evaluators.map(behindOf), [0, 0]);
    });
  });

  after(async () => {
    for (const client of [config, health, evaluation]) client?.close();
    await mesh?.stop();
  });

  const behindOf = ({ lags }: InstanceHealth): number | undefined =>
    lags.find((lag) => lag.set?.project === set.project)?.behind;

  async function instance(name: string): Promise<InstanceHealth> {
    const { instances } = await health.getMesh({}, { timeoutMs });
    const found = instances.find((one) => one.instance === name);
    assert(found, `${name} is not among the instances`);
    return found;
  }

  const ask = (minRevision: number) =>
    evaluation.evaluate(
      {
        ...{ set, keys: [{ kind: Kind.GATE, name: 'checkout' }], user: userFromJson({ userID: 'u' }) },
        ...{ minRevision, atRevision: 0, isExposureDisabled: true },
      },
      { timeoutMs },
    );

  it(`is named within ${goalMs} ms, and others go on with what is new`, async () => {
    mesh.process(frozen).signal('SIGSTOP');
    const frozenAtMs = performance.now();
    try {
      const { revision } = await rollOut({ config }, set, 'checkout', 100);
      const named = await eventually(
        async () => {
          const found = await instance(frozen);
          assert.notEqual(found.state, HealthState.SERVING);
          return found;
        },
        { deadlineMs: goal(goalMs) },
      );
      const tookMs = performance.now() - frozenAtMs;
      assert(tookMs <= goal(goalMs), `${tookMs} ms`);
      assert.match(named.cause, /does not answer/);

      const other = await instance('evaluation-1');
      assert.deepEqual([other.state, behindOf(other)], [HealthState.SERVING, 0]);
      // Whoever asks any evaluator gets an answer by the new revision, though one of two hangs.
      const tookMsOf: number[] = [];
      for (let call = 0; call < callsMade; call++) {
        const askedAtMs = performance.now();
        const { decisions, provenance } = await ask(revision);
        tookMsOf.push(performance.now() - askedAtMs);
        assert.equal(decisions[0]?.gateValue, true);
        assert.equal(provenance?.isStale, false);
      }
      // A call that waited for the frozen one would take seconds.
      const slow = tookMsOf.filter((ms) => ms > goal(quickMs));
      assert.deepEqual(slow, [], `of ${callsMade} calls these took more than ${goal(quickMs)} ms`);
      assert.equal((await instance('config-1')).state, HealthState.SERVING);
    } finally {
      mesh.process(frozen).signal('SIGCONT');
    }
    await eventually(async () => {
      const found = await instance(frozen);
      assert.deepEqual([found.state, behindOf(found)], [HealthState.SERVING, 0]);
    });
  });
});
