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
    mesh = await startMesh({ evaluators: 2, env: { GONE_KEPT_MS: '1500', HEALTH_CANARY_SET: 'sluice/canary' } });
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

  async function openIncidents() {
    return (await health.getIncidents({ isOpenOnly: true, limit: 0, region: '' }, { timeoutMs: 2_000 })).incidents;
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

  it('tells incidents and objectives on the command line', async () => {
    await eventually(async () => {
      const { code, stdout, stderr } = await mesh.sluice('incidents', '--json');
      assert.equal(code, 0, stderr);
      const { incidents } = JSON.parse(stdout) as {
        incidents: { kind: string; subject: string; endedAt: string | null }[];
      };
      assert.ok(
        incidents.some(({ kind, subject, endedAt }) => kind === 'instance' && subject === 'evaluation-2' && endedAt),
      );
    });
    const table = await mesh.sluice('incidents');
    assert.match(
      table.stdout,
      /^KIND +WHAT +REGION +BEGAN +LASTED +CAUSE\n(.*\n)*?instance +evaluation-2 +\w+ .* does not answer/,
    );
    await eventually(async () => assert.match((await mesh.sluice('incidents', '--open')).stdout, /^no incidents$/m));
    const slo = await mesh.sluice('slo');
    assert.equal(slo.code, 0, slo.stderr);
    assert.match(
      slo.stdout,
      /^REGION +OBJECTIVE +GOAL +GOOD +BUDGET LEFT +ALERT +GOOD MEANS\n(.*\n)*?\w+ +availability +99\.99 %/,
    );
    const { slos } = JSON.parse((await mesh.sluice('slo', '--json')).stdout) as {
      slos: { name: string; total: number }[];
    };
    assert.ok(slos.some(({ name, total }) => name === 'availability' && total > 0));
    const loads = (await instances()).map(({ load = -1 }) => load);
    assert.ok(
      loads.every((load) => load >= 0 && load <= 1),
      loads.join(),
    );
  });

  it('says unknown when neither the instance nor Consul answers', async () => {
    await mesh.process('consul').kill();
    await mesh.process('evaluation-2').kill();
    await becomes('evaluation-2', HealthState.UNKNOWN, /Consul can't say whether it moved/);
    await becomes('evaluation-1', HealthState.SERVING, /^$/);
    await eventually(async () => assert.ok((await openIncidents()).some(({ kind }) => kind === 'watch')));
    await becomes('health-1', HealthState.NOT_SERVING, /not able to serve: consul can't be asked/);
    await mesh.process('consul').start();
    await mesh.process('evaluation-2').start();
    await eventually(async () => assert.equal((await instance('evaluation-2'))?.state, HealthState.SERVING));
  });

  it('keeps an incident open while it restarts itself', async () => {
    await eventually(async () => assert.deepEqual(await openIncidents(), []));
    await mesh.process('evaluation-2').kill();
    const began = await eventually(async () => {
      const found = (await openIncidents()).find(({ subject }) => subject === 'evaluation-2');
      assert.ok(found);
      return found;
    });
    await mesh.process('health-1').restart();
    await becomes('evaluation-2', HealthState.UNREACHABLE, /does not answer/);
    const [first, ...more] = (await openIncidents()).filter(({ subject }) => subject === 'evaluation-2');
    assert.deepEqual([first?.id, more], [began.id, []]);
    await mesh.process('evaluation-2').start();
    await eventually(async () => assert.deepEqual(await openIncidents(), []));
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
