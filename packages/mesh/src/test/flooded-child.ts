/** A server in a process of its own, whose work costs time; its argument says how much, and within which limits. */
import { HealthService, KeyClass } from '@sluice/proto';
import { silentLogger } from '../logger.js';
import { startServer } from '../server.js';
import type { FloodedOptions } from './flooded.js';
import { answer, bindScripted, meshKey } from './scripted-server.js';

const { limits, workMs, maxReceiveBytes }: FloodedOptions = JSON.parse(process.argv[2] ?? '{}');

/** Keeps the only thread, as decoding and evaluating do. */
function work(): typeof answer {
  const until = performance.now() + workMs;
  while (performance.now() < until);
  return answer;
}

/** More than fits into what is held for a reader. */
async function* watch() {
  for (let sent = 0; sent < 100; sent++) yield answer;
}

const server = await startServer({
  mesh: {
    identity: { service: 'flooded', instance: 'flooded-1', region: 'here', version: '0.0.0' },
    grpcAddr: { host: '127.0.0.1', port: 0 },
    consulAddr: undefined,
    meshKey,
    logLevel: 'silent',
    metricsAddr: { host: '127.0.0.1', port: 0 },
  },
  logger: silentLogger,
  findGrant: () => ({ keyClass: KeyClass.SERVER, project: '', environment: '', canWrite: true, label: 'test' }),
  services: [bindScripted({ getThing: work, createThing: work, watchThings: watch })],
  describe: () => ({ sets: [], counters: {} }),
  limits,
  ...(maxReceiveBytes === undefined ? {} : { maxReceiveBytes }),
});
await server.setReady();

process.on('message', () => {
  for (let round = 0; round < 3; round++) globalThis.gc?.();
  process.send?.({ heapBytes: process.memoryUsage().heapUsed + process.memoryUsage().external });
});
process.once('disconnect', () => process.exit());
process.send?.({ port: server.port, metricsUrl: server.metricsUrl, health: HealthService.check.path });
