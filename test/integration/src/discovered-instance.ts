/** A process that serves nothing but itself and registers in Consul: what discovery tests find, kill and stop. */
import { readMeshConfig, register, run, type Scope, silentLogger, startServer } from '@sluice/mesh';

async function start(scope: Scope): Promise<void> {
  const mesh = readMeshConfig('evaluation');
  const server = await startServer({
    mesh,
    logger: silentLogger,
    findGrant: () => undefined,
    services: [],
    describe: () => ({ sets: [], counters: {} }),
  });
  scope.push('server', () => server.stop(1_000));
  await server.setReady();
  await register(mesh, server.address, scope, silentLogger);
  process.stdout.write(`${server.address}\n`);
}

run(start);
