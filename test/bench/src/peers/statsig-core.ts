import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Statsig, StatsigUser } from '@statsig/statsig-node-core';
import type { BenchUser } from '../gates.js';
import type { StartPeer } from './peer.js';
import { documentV2 } from './statsig-document.js';
import { versionOf } from './version-of.js';

/** Statsig's Rust core behind N-API, fed by a server on this machine. */
export const startStatsigCore: StartPeer = async (gates, { logsExposures }) => {
  const document = documentV2(gates);
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(request.url?.includes('download_config_specs') ? document : '{"success":true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const statsig = new Statsig('secret-bench', {
    specsUrl: `${base}/v2/download_config_specs`,
    logEventUrl: `${base}/v1/log_event`,
    idListsUrl: `${base}/v1/get_id_lists`,
    disableCountryLookup: true,
    specsSyncIntervalMs: 3_600_000,
  });
  const { isSuccess, error } = await statsig.initialize();
  if (!isSuccess) throw new Error(`statsig-node-core did not start: ${error}`);
  const options = { disableExposureLogging: !logsExposures };
  return {
    name: '@statsig/statsig-node-core',
    version: versionOf('@statsig/statsig-node-core'),
    toUser: ({ userID, email, country, appVersion, plan, age }: BenchUser) =>
      new StatsigUser({ userID, email, country, appVersion, custom: { plan, age } }),
    isOn: (gate, user) => statsig.checkGate(user as StatsigUser, gate, options),
    evaluateAll: (user) => {
      statsig.getClientInitializeResponse(user as StatsigUser);
      return gates.length;
    },
    close: async () => {
      await statsig.shutdown();
      server.close();
    },
  };
};
