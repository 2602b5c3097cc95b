import { join } from 'node:path';
import { createClient, type Logger, type Scope, systemClock } from '@sluice/mesh';
import { ConfigServiceService, type Incident, RulesetServiceService, type SetRef } from '@sluice/proto';
import { Canaries } from './canaries.js';
import { CanarySet } from './canary-set.js';
import type { HealthConfig } from './config.js';
import type { ConsulWatch } from './consul-watch.js';
import { Observatory } from './observatory.js';
import { ProbeResults } from './probe-result.js';
import type { Roster } from './roster.js';
import type { SavedBook } from './slo-book.js';
import { StateFile } from './state-file.js';
import { Webhooks } from './webhooks.js';

interface Sources {
  readonly roster: Roster;
  readonly watch: ConsulWatch;
}

/** Starts the judging of the mesh as a whole, the synthetic probes, and what tells of incidents. */
export async function startObservatory(
  config: HealthConfig,
  scope: Scope,
  logger: Logger,
  { roster, watch }: Sources,
): Promise<Observatory> {
  const { identity, stateDir, webhooks: urls } = config;
  const webhooks = new Webhooks(urls, identity, logger);
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
  if (config.canarySet) startCanaries(config, config.canarySet, scope, logger, { roster, results, observatory });
  return observatory;
}

interface CanarySources extends Pick<Sources, 'roster'> {
  readonly results: ProbeResults;
  readonly observatory: Observatory;
}

function startCanaries(
  config: HealthConfig,
  ref: SetRef,
  scope: Scope,
  logger: Logger,
  { roster, results, observatory }: CanarySources,
): void {
  const { identity, consulAddr, meshKey: key, configTarget: target, regions } = config;
  const { region } = identity;
  const author = createClient(ConfigServiceService, { target, key, consulAddr, region });
  scope.push('config client of the canary set', () => author.close());
  const reader = createClient(RulesetServiceService, { target, key, consulAddr, region });
  scope.push('config client of the revision probe', () => reader.close());
  const canaries = new Canaries({
    meshKey: key,
    instance: identity.instance,
    homeRegion: regions.home,
    members: () => roster.members(),
    set: new CanarySet(ref, author, logger),
    config: reader,
    results,
    clock: systemClock,
    onResult: (probe) => observatory.count(probe),
  });
  scope.push('canaries', canaries.start());
}
