/** The change stream of a whole mesh, as an operator sees it: `sluice mesh`, and what Prometheus scrapes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Sluice } from '@sluice/sdk';
import { checkout } from '@sluice/stack';
import { eventually, goal, startMesh, type TestMesh } from '@sluice/testkit';

interface MeshDocument {
  readonly instances: readonly {
    readonly service: string;
    readonly instance: string;
    readonly state: string;
    readonly sets: readonly {
      readonly environment: string;
      readonly revision: number;
      readonly behind: number | null;
      readonly lateMs: number | null;
      readonly ageMs: number;
    }[];
  }[];
}

const services = ['config', 'evaluation', 'ingestion', 'health'] as const;

describe('the change stream, seen from outside', function () {
  this.timeout(90_000);
  let mesh: TestMesh;
  let sdk: Sluice | undefined;

  before(async () => {
    const env = Object.fromEntries(services.map((name) => [`${name.toUpperCase()}_METRICS_ADDR`, '127.0.0.1:0']));
    mesh = await startMesh({ evaluators: 2, env });
  });
  after(async () => {
    await sdk?.close({ timeoutMs: 100 });
    await mesh?.stop();
  });

  async function meshDocument(): Promise<MeshDocument> {
    const { code, stdout, stderr } = await mesh.sluice('mesh', '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as MeshDocument;
  }

  const instanceIn = ({ instances }: MeshDocument, name: string) =>
    instances.find(({ instance }) => instance === name) ?? assert.fail(`${name} is not in the mesh`);

  async function gateSet(percent: number): Promise<number> {
    const { code, stdout, stderr } = await mesh.sluice(
      ...['gate', 'set', 'express-checkout', '--rollout', String(percent), '--json'],
    );
    assert.equal(code, 0, stderr);
    return Number((JSON.parse(stdout) as { revision: number }).revision);
  }

  /** The newest address that an instance said it serves metrics on. */
  async function scrape(instance: string): Promise<string> {
    const [url] =
      mesh
        .process(instance)
        .log.match(/http:\/\/[\d.:]+\/metrics/g)
        ?.slice(-1) ?? [];
    assert(url, `${instance} says nowhere that it has metrics`);
    const response = await fetch(url);
    assert.equal(response.status, 200);
    return response.text();
  }

  /** Sum over the series of a metric that have all these labels. */
  function sumOf(text: string, name: string, ...labels: string[]): number {
    const series = new RegExp(`^${name}[{ ]`);
    const lines = text.split('\n').filter((line) => series.test(line) && labels.every((one) => line.includes(one)));
    assert(lines.length > 0, `no ${name} with ${labels.join(', ')}`);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  it('can be looked at before there is any set', async () => {
    await eventually(async () => {
      const { instances } = await meshDocument();
      assert.deepEqual(
        instances.map(({ instance, state }) => `${instance} ${state}`),
        ['config-1', 'evaluation-1', 'evaluation-2', 'health-1', 'ingestion-1'].map((name) => `${name} SERVING`),
      );
    });
    const applied = await mesh.sluice('apply', join(checkout, 'examples/storefront.yaml'));
    assert.equal(applied.code, 0, applied.stderr);
  });

  it('is measured hop by hop, and its state is that of the moment of the scrape', async () => {
    const { stdout } = await mesh.sluice('key', 'create', '--class', 'server', '--label', 'metrics', '--json');
    const key = String((JSON.parse(stdout) as { secret: string }).secret);
    const target = `static:///${mesh.process('evaluation-1').address}`;
    sdk = new Sluice({ key, target, disableExposureLogging: true });
    await sdk.ready();
    let times: { committedAtMs: number; relayedAtMs: number; appliedAtMs: number } | undefined;
    sdk.onChange((change) => {
      times = change.times ?? times;
    });
    let revision = 0;
    for (const percent of [1, 2, 3]) revision = await gateSet(percent);
    await sdk.waitForRevision(revision);
    assert(times && times.committedAtMs <= times.relayedAtMs + 1 && times.relayedAtMs <= times.appliedAtMs + 1);
    assert(times.appliedAtMs - times.committedAtMs < goal(1_000));

    const set = ['project="storefront"', 'environment="development"'];
    await eventually(async () => {
      const config = await scrape('config-1');
      assert(sumOf(config, 'sluice_propagation_seconds_count', 'hop="commit_to_published"') >= 3);
      assert.equal(sumOf(config, 'sluice_ruleset_revision', ...set), revision);
      for (const name of ['evaluation-1', 'evaluation-2']) {
        const text = await scrape(name);
        for (const hop of ['published_to_applied', 'commit_to_applied']) {
          assert(sumOf(text, 'sluice_propagation_seconds_count', `hop="${hop}"`, 'cause="stream"') >= 3);
          assert(sumOf(text, 'sluice_propagation_seconds_sum', `hop="${hop}"`) < 10);
        }
        assert.equal(sumOf(text, 'sluice_ruleset_revision', ...set), revision);
        assert.equal(sumOf(text, 'sluice_ruleset_lag_revisions', ...set), 0);
        assert.equal(sumOf(text, 'sluice_ruleset_stale', ...set), 0);
        assert(sumOf(text, 'sluice_ruleset_age_seconds', ...set) < 10);
        assert.equal(sumOf(text, 'sluice_stream_alive'), 1);
      }
      assert.equal(sumOf(await scrape('evaluation-1'), 'sluice_watch_streams', ...set), 1);
      const health = await scrape('health-1');
      assert.equal(sumOf(health, 'sluice_mesh_instance_up'), 5);
      assert.equal(sumOf(health, 'sluice_mesh_lag_revisions', 'member_instance="evaluation-2"', ...set), 0);
      // Every service times its calls: health asks each of them every second.
      for (const name of ['config-1', 'evaluation-1', 'ingestion-1']) {
        const method = 'rpc_method="sluice.health.v1.InstanceService/GetInstance"';
        assert(sumOf(await scrape(name), 'rpc_server_call_duration_count', method) >= 1);
      }
    });
  });

  it('shows within 3 s that an evaluator is frozen, and how far it falls behind; the others go on', async () => {
    const frozen = mesh.process('evaluation-2');
    frozen.signal('SIGSTOP');
    try {
      const revision = await gateSet(55);
      await sdk?.waitForRevision(revision, { timeoutMs: goal(1_000) });
      const seen = await eventually(
        async () => {
          const document = await meshDocument();
          assert.equal(instanceIn(document, 'evaluation-2').state, 'UNREACHABLE');
          const [lag] = instanceIn(document, 'evaluation-2').sets.filter(({ behind }) => behind !== 0);
          assert(lag);
          return { document, lag };
        },
        { deadlineMs: goal(3_000) },
      );
      assert((seen.lag.behind ?? 0) >= 1);
      assert((seen.lag.lateMs ?? 0) > 0 && seen.lag.ageMs > 0);
      const [other] = instanceIn(seen.document, 'evaluation-1').sets;
      assert.deepEqual([other?.behind, other?.lateMs], [0, null]);
    } finally {
      frozen.signal('SIGCONT');
    }
    await eventually(async () => {
      const { state, sets } = instanceIn(await meshDocument(), 'evaluation-2');
      assert.equal(state, 'SERVING');
      assert(sets.every(({ behind }) => behind === 0));
    });
    const { stdout } = await mesh.sluice('mesh');
    assert.match(stdout, /LAG +AGE/);
  });

  it('still brings changes when the bus is frozen, and says that it is', async () => {
    const nats = mesh.process('nats');
    nats.signal('SIGSTOP');
    try {
      const revision = await gateSet(77);
      await sdk?.waitForRevision(revision, { timeoutMs: 8_000 });
      await eventually(async () => assert.equal(sumOf(await scrape('evaluation-1'), 'sluice_stream_alive'), 0));
    } finally {
      nats.signal('SIGCONT');
    }
    await eventually(async () => assert.equal(sumOf(await scrape('evaluation-1'), 'sluice_stream_alive'), 1));
  });
});
