import statsigModule from 'statsig-node';
import type { BenchUser } from '../gates.js';
import type { StartPeer } from './peer.js';
import { documentV1 } from './statsig-document.js';
import { versionOf } from './version-of.js';

/** Statsig's older SDK in plain JavaScript. */
export const startStatsigLegacy: StartPeer = async (gates, { logsExposures }) => {
  const statsig = statsigModule.default ?? statsigModule;
  await statsig.initialize('secret-bench', {
    bootstrapValues: documentV1(gates),
    localMode: true,
    disableDiagnostics: true,
  });
  const check = logsExposures
    ? statsig.checkGateSync.bind(statsig)
    : statsig.checkGateWithExposureLoggingDisabledSync.bind(statsig);
  return {
    name: 'statsig-node',
    version: versionOf('statsig-node'),
    toUser: ({ userID, email, country, appVersion, plan, age }: BenchUser) => ({
      userID,
      email,
      country,
      appVersion,
      custom: { plan, age },
    }),
    isOn: (gate, user) => check(user as { userID: string }, gate),
    evaluateAll: (user) => {
      for (const { name } of gates) check(user as { userID: string }, name);
      return gates.length;
    },
    close: async () => statsig.shutdown(),
  };
};
