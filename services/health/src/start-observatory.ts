import { join } from 'node:path';
import { createClient, type Logger, type Scope, systemClock } from '@sluice/mesh';
import { ConfigServiceService, type Incident } from '@sluice/proto';
import { Canaries } from './canaries.js';
import { CanarySet } from './canary-set.js';
import type { HealthConfig } from './config.js';
import type { ConsulWatch } from './consul-watch.js';
import { latenessOf } from './lateness.js';
import type { Newest } from './newest.js';
import { Observatory } from './observatory.js';
import { ProbeResults } from './probe-result.js';
import type { Roster } from './roster.js';
import type { SavedBook } from './slo-book.js';
import { StateFile } from './state-file.js';
import { Webhooks } from './webhooks.js';

interface Sources {
  readonly roster: Roster;
  readonly newest: Newest;
  readonly watch: ConsulWatch;
}

/** Starts the judging of the mesh as a whole, the synthetic probes, and what tells of incidents. */
export async function startObservatory(
  config: HealthConfig,
  scope: Scope,
  logger: Logger,
  { roster, newest, watch }: Sources,
): Promise<Observatory> {
  const { identity, stateDir, webhooks: urls } = config;
  const webhooks = new Webhooks(urls, logger);
  scope.push('webhooks', () => webhooks.close());
  const results = new ProbeResults();
  const observatory = new Observatory({
    members: () => roster.members(),
    results,
    watchFault: () => watch.seenFault,
    isWatchAsked: () => watch.isAsked,
    seenFrom: identity.region,
    clock: systemClock,
    logger,
    sloFile: new StateFile<SavedBook>(join(stateDir, 'slo.json'), logger),
    incidentFile: new StateFile<readonly Incident[]>(join(stateDir, 'incidents.json'), logger),
    onChange: (changes) => webhooks.tell(changes),
  });
  scope.push('observatory', await observatory.start());
  if (config.canarySet) startCanaries(config, scope, logger, { roster, newest, results, observatory });
  return observatory;
}

interface CanarySources extends Pick<Sources, 'roster' | 'newest'> {
  readonly results: ProbeResults;
  readonly observatory: Observatory;
}

function startCanaries(config: HealthConfig, scope: Scope, logger: Logger, sources: CanarySources): void {
  const { identity, consulAddr, meshKey, canarySet, configTarget, regions } = config;
  if (!canarySet) return;
  const { roster, newest, results, observatory } = sources;
  const { region } = identity;
  const client = createClient(ConfigServiceService, { target: configTarget, key: meshKey, consulAddr, region });
  scope.push('config client of the canary set', () => client.close());
  const canaries = new Canaries({
    meshKey,
    instance: identity.instance,
    homeRegion: regions.home,
    members: () => roster.members(),
    set: new CanarySet(canarySet, client, logger),
    lateness: (where) => latenessOf(roster.members(), newest, where, systemClock.now()),
    results,
    clock: systemClock,
    logger,
    onResult: (probe) => observatory.count(probe),
  });
  scope.push('canaries', canaries.start());
}
