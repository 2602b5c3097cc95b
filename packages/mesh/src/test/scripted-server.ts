import { HealthCheckResponse_ServingStatus, HealthService } from '@sluice/proto';
import { bind, type HandlersOf, type ServiceBinding } from '../bind.js';
import { silentLogger } from '../logger.js';
import { type MeshServer, startServer } from '../server.js';
import type { ServerLimits } from '../server-limits.js';

export const meshKey = 'mesh-secret';

/** What a method that only needs to answer answers. */
export const answer = { status: HealthCheckResponse_ServingStatus.SERVING };

/** One method of each way that the client treats differently. */
export const scripted = {
  getThing: { ...HealthService.check, path: '/test.Scripted/GetThing' as const },
  createThing: { ...HealthService.check, path: '/test.Scripted/CreateThing' as const },
  watchThings: { ...HealthService.watch, path: '/test.Scripted/WatchThings' as const },
  discussThings: {
    ...HealthService.watch,
    path: '/test.Scripted/DiscussThings' as const,
    requestStream: true as const,
  },
  uploadThings: {
    ...HealthService.check,
    path: '/test.Scripted/UploadThings' as const,
    requestStream: true as const,
  },
};

async function* answerOnce() {
  yield answer;
}

/** Methods that do what the test says; those left out answer at once. */
export function bindScripted(handlers: Partial<HandlersOf<typeof scripted>>): ServiceBinding {
  return bind(scripted, {
    getThing: () => answer,
    createThing: () => answer,
    watchThings: answerOnce,
    discussThings: () => () => answer,
    uploadThings: async () => answer,
    ...handlers,
  });
}

/** A real server of those methods. */
export async function startScripted(
  handlers: Partial<HandlersOf<typeof scripted>> = {},
  port = 0,
  limits: Partial<ServerLimits> = {},
): Promise<MeshServer> {
  const server = await startServer({
    mesh: {
      identity: { service: 'scripted', instance: 'scripted-1', region: 'here', version: '0.0.0' },
      grpcAddr: { host: '127.0.0.1', port },
      consulAddr: undefined,
      meshKey,
      logLevel: 'silent',
    },
    logger: silentLogger,
    findGrant: () => undefined,
    services: [bindScripted(handlers)],
    describe: () => ({ sets: [], counters: {} }),
    limits,
  });
  await server.setReady();
  return server;
}

/** Gives `use` a scripted server, and stops it afterwards. */
export async function withScripted(
  handlers: Partial<HandlersOf<typeof scripted>>,
  use: (server: MeshServer) => Promise<void>,
  limits: Partial<ServerLimits> = {},
): Promise<void> {
  const server = await startScripted(handlers, 0, limits);
  try {
    await use(server);
  } finally {
    await server.stop(500);
  }
}
