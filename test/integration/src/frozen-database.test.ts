/** A database that neither answers nor refuses: config says that it can't serve, and everybody says why. */
import assert from 'node:assert/strict';
import { type Client, createClient } from '@sluice/mesh';
import {
  HealthCheckResponse_ServingStatus,
  HealthService,
  HealthState,
  type InstanceHealth,
  MeshHealthServiceService,
} from '@sluice/proto';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';
import { familyOf, signalAll } from './process-family.js';

/** From the freeze to config's own word, in milliseconds. */
const saidWithinMs = 2_000;
const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;

describe('a frozen PostgreSQL', function () {
  this.timeout(60_000);
  let mesh: TestMesh;
  let health: Client<MeshHealthServiceService>;
  let config: Client<typeof HealthService>;
  let frozen: number[] = [];

  before(async () => {
    mesh = await startMesh({ services: ['config', 'ingestion', 'health'] });
    const at = (name: string) => `static:///${mesh.process(name).address}`;
    health = createClient(MeshHealthServiceService, { target: at('health-1'), key: mesh.meshKey });
    config = createClient(HealthService, { target: at('config-1') });
  });

  after(async () => {
    signalAll(frozen, 'SIGCONT');
    health?.close();
    config?.close();
    await mesh?.stop();
  });

  const said = async () => (await config.check({ service: '' }, { timeoutMs: 1_000 })).status;
  const look = async (name: string): Promise<InstanceHealth | undefined> =>
    (await health.getMesh({}, { timeoutMs: 2_000 })).instances.find(({ instance }) => instance === name);

  it('takes config out within 2 s, and is named as the cause', async () => {
    await eventually(async () => assert.equal((await look('config-1'))?.state, HealthState.SERVING));
    frozen = familyOf(mesh.process('postgres').pid);
    signalAll(frozen, 'SIGSTOP');
    await eventually(async () => assert.equal(await said(), NOT_SERVING), { deadlineMs: saidWithinMs });
    await eventually(
      async () => {
        const found = await look('config-1');
        assert.equal(found?.state, HealthState.NOT_SERVING);
        assert.match(found?.cause ?? '', /not able to serve: postgres does not answer/);
        assert.deepEqual((await look('ingestion-1'))?.self?.missing, { postgres: 'does not answer' });
        const { incidents } = await health.getIncidents(
          { isOpenOnly: true, limit: 0, region: '' },
          { timeoutMs: 2_000 },
        );
        const dependency = incidents.find(({ kind, subject }) => kind === 'dependency' && subject === 'postgres');
        assert.match(dependency?.cause ?? '', /(config|ingestion)-1: does not answer/);
      },
      { deadlineMs: 5_000 },
    );
    assert.equal((await look('ingestion-1'))?.state, HealthState.SERVING);
    signalAll(frozen, 'SIGCONT');
    await eventually(async () => assert.equal(await said(), SERVING), { deadlineMs: 15_000 });
    await eventually(async () => assert.deepEqual((await look('ingestion-1'))?.self?.missing, {}));
  });
});
