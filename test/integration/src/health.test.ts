/** The health service tells the truth about real processes that are killed, frozen and brought back. */
import assert from 'node:assert/strict';
import { type Client, createClient, SluiceError } from '@sluice/mesh';
import { HealthState, type InstanceHealth, MeshHealthServiceService } from '@sluice/proto';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';

/** The goal of DESIGN §7: a fault is named this quickly. */
const noticedWithinMs = 4_000;

describe('the health of a mesh', function () {
  this.timeout(60_000);
  let mesh: TestMesh;
  let health: Client<MeshHealthServiceService>;

  before(async () => {
    mesh = await startMesh({ evaluators: 2, env: { GONE_KEPT_MS: '1500' } });
    const target = `static:///${mesh.process('health-1').address}`;
    health = createClient(MeshHealthServiceService, { target, key: mesh.meshKey });
    await eventually(async () => assert.equal((await instances()).length, 5));
  });

  after(async () => {
    health?.close();
    await mesh?.stop();
  });

  async function instances(): Promise<InstanceHealth[]> {
    return (await health.getMesh({}, { timeoutMs: 2_000 })).instances;
  }

  async function instance(name: string): Promise<InstanceHealth | undefined> {
    return (await instances()).find(({ instance }) => instance === name);
  }

  function becomes(name: string, state: HealthState, cause: RegExp): Promise<InstanceHealth> {
    return eventually(
      async () => {
        const found = await instance(name);
        assert.equal(found?.state, state, found?.cause ?? 'not there');
        assert.match(found?.cause ?? '', cause);
        return found as InstanceHealth;
      },
      { deadlineMs: noticedWithinMs },
    );
  }

  it('sees every instance serve', async () => {
    for (const name of ['config-1', 'evaluation-1', 'evaluation-2', 'health-1', 'ingestion-1']) {
      const { self, region, sinceMs } = await becomes(name, HealthState.SERVING, /^$/);
      assert.equal(self?.instance, name);
      assert.equal(region, mesh.region);
      assert.ok(sinceMs > 0);
    }
  });

  it('tells lag by what config says is newest', async () => {
    const created = await mesh.sluice('environment', 'create', 'qa', '--project', 'shop');
    assert.equal(created.code, 0, created.stderr);
    await eventually(async () => {
      const { newest, instances } = await health.getMesh({}, { timeoutMs: 2_000 });
      assert.ok(newest.some(({ set }) => set?.project === 'shop'));
      const lags = instances.find(({ instance }) => instance === 'evaluation-1')?.lags ?? [];
      assert.ok(lags.some(({ set, behind }) => set?.project === 'shop' && behind === 0));
    });
  });

  it('names an instance that was killed, since when and why, and clears it after', async () => {
    const killedAtMs = Date.now();
    await mesh.process('evaluation-2').kill();
    const dead = await becomes('evaluation-2', HealthState.UNREACHABLE, /does not answer: connection refused/);
    assert.ok(dead.sinceMs >= killedAtMs);
    assert.equal(dead.self, undefined);
    await mesh.process('evaluation-2').start();
    await becomes('evaluation-2', HealthState.SERVING, /^$/);
  });

  it('names an instance that is frozen', async () => {
    mesh.process('evaluation-2').signal('SIGSTOP');
    await becomes('evaluation-2', HealthState.UNREACHABLE, /does not answer/);
    mesh.process('evaluation-2').signal('SIGCONT');
    await becomes('evaluation-2', HealthState.SERVING, /^$/);
  });

  it('keeps an instance that left for a while, then drops it', async () => {
    await mesh.process('evaluation-2').stop();
    await becomes('evaluation-2', HealthState.UNREACHABLE, /it has left Consul/);
    await eventually(async () => assert.equal(await instance('evaluation-2'), undefined));
    await mesh.process('evaluation-2').start();
    await becomes('evaluation-2', HealthState.SERVING, /^$/);
  });

  it('says unknown when neither the instance nor Consul answers', async () => {
    await mesh.process('consul').kill();
    await mesh.process('evaluation-2').kill();
    await becomes('evaluation-2', HealthState.UNKNOWN, /Consul can't say whether it moved/);
    await becomes('evaluation-1', HealthState.SERVING, /^$/);
    await mesh.process('consul').start();
    await mesh.process('evaluation-2').start();
    await eventually(async () => assert.equal((await instance('evaluation-2'))?.state, HealthState.SERVING));
  });

  it('shows a key only its own project, and asks for a key', async () => {
    const { code, stdout, stderr } = await mesh.sluice(
      'key',
      'create',
      '--project',
      'shop',
      '--environment',
      'qa',
      '--json',
    );
    assert.equal(code, 0, stderr);
    const target = `static:///${mesh.process('health-1').address}`;
    const key = (JSON.parse(stdout) as { secret: string }).secret;
    const shop = createClient(MeshHealthServiceService, { target, key });
    const stranger = createClient(MeshHealthServiceService, { target, key: 'sluice_server_wrong' });
    try {
      await eventually(async () => {
        const { newest, instances } = await shop.getMesh({}, { timeoutMs: 2_000 });
        const seen = [...newest, ...instances.flatMap(({ self }) => self?.sets ?? [])].map(({ set }) => set?.project);
        assert.deepEqual([...new Set(seen)], ['shop']);
      });
      await assert.rejects(stranger.getMesh({}, { timeoutMs: 2_000 }), (error: unknown) => {
        return error instanceof SluiceError && error.kind === 'unauthenticated';
      });
    } finally {
      shop.close();
      stranger.close();
    }
  });
});
