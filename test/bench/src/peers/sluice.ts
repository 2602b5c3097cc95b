import { readFileSync } from 'node:fs';
import { bind, type MeshConfig, silentLogger, startServer } from '@sluice/mesh';
import { Durability, IngestionServiceService, Outcome } from '@sluice/proto';
import { Sluice } from '@sluice/sdk';
import type { BenchUser } from '../gates.js';
import type { StartPeer } from './peer.js';
import { documentV2 } from './statsig-document.js';

const { version } = JSON.parse(
  readFileSync(new URL('../../../../packages/sdk/package.json', import.meta.url), 'utf8'),
) as { version: string };

const mesh: MeshConfig = {
  identity: { service: 'ingestion', instance: 'bench', region: 'local', version },
  grpcAddr: { host: '127.0.0.1', port: 0 },
  consulAddr: undefined,
  meshKey: 'bench',
  logLevel: 'silent',
};

/** Takes exposures in over a real socket, as the peers' local servers do. */
function startIngestion() {
  return startServer({
    mesh,
    logger: silentLogger,
    findGrant: () => undefined,
    services: [
      bind(
        { logEvents: IngestionServiceService.logEvents },
        {
          logEvents: ({ events }) => ({
            outcomes: events.map(() => ({ outcome: Outcome.ACCEPTED, reason: '' })),
            durability: Durability.QUORUM,
          }),
        },
      ),
    ],
    describe: () => ({ sets: [], counters: {} }),
  });
}

/** Sluice's own SDK, from a bootstrap document. */
export const startSluice: StartPeer = async (gates, { logsExposures }) => {
  const ingestion = await startIngestion();
  const sluice = new Sluice({
    key: mesh.meshKey,
    target: `static:///${ingestion.address}`,
    ingestionTarget: `static:///${ingestion.address}`,
    set: { project: 'bench', environment: 'production' },
    bootstrap: Buffer.from(documentV2(gates)),
    disableExposureLogging: !logsExposures,
  });
  await sluice.ready({ timeoutMs: 10_000 });
  return {
    name: 'sluice',
    version,
    toUser: ({ userID, email, country, appVersion, plan, age }: BenchUser) => ({
      userID,
      email,
      country,
      appVersion,
      custom: { plan, age },
    }),
    isOn: (gate, user) => sluice.checkGate(gate, user as { userID: string }),
    evaluateAll: (user) => sluice.evaluateAll(user as { userID: string }).gates.size,
    close: async () => {
      await sluice.close();
      await ingestion.stop(1_000);
    },
  };
};
