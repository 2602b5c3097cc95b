import assert from 'node:assert/strict';
import { Client, credentials } from '@grpc/grpc-js';
import { startMesh, type TestMesh } from '@sluice/testkit';

/** `ServerReflectionRequest{ list_services: "" }`, by hand: field 7, of length 0. */
const listServices = Buffer.from([7 * 8 + 2, 0]);

/** What a service's reflection lists, as the bytes of the answer. */
function reflect(address: string): Promise<string> {
  const client = new Client(address, credentials.createInsecure());
  const asIs = (bytes: Buffer): Buffer => bytes;
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const call = client.makeBidiStreamRequest(path, asIs, asIs, { deadline: Date.now() + 5_000 });
  return new Promise<string>((resolve, reject) => {
    call.on('data', (bytes: Buffer) => resolve(bytes.toString('latin1')));
    call.on('error', reject);
    call.write(listServices);
  }).finally(() => {
    call.cancel();
    client.close();
  });
}

describe('server reflection', () => {
  let mesh: TestMesh;
  const own = {
    'config-1': ['sluice.config.v1.ConfigService', 'sluice.config.v1.RulesetService'],
    'evaluation-1': ['sluice.evaluation.v1.EvaluationService', 'sluice.config.v1.RulesetService'],
    'ingestion-1': ['sluice.ingestion.v1.IngestionService', 'sluice.ingestion.v1.LedgerService'],
    'health-1': ['sluice.health.v1.MeshHealthService'],
  };

  before(async function () {
    this.timeout(60_000);
    mesh = await startMesh();
  });

  after(() => mesh?.stop());

  for (const [instance, services] of Object.entries(own)) {
    it(`lets any tool look around in ${instance}`, async () => {
      const listed = await reflect(mesh.process(instance).address);
      for (const service of [...services, 'sluice.health.v1.InstanceService', 'grpc.health.v1.Health']) {
        assert(listed.includes(service), `${instance} lists ${service}`);
      }
      const others = Object.values(own).flat();
      for (const service of others.filter((one) => !(services as string[]).includes(one))) {
        assert(!listed.includes(service), `${instance} does not serve ${service}`);
      }
    });
  }
});
