import { HealthState, ProbeKind, type RegionHealth, type ServiceHealth, type Slo } from '@sluice/proto';
import type { Member } from './roster.js';

/** Something that is wrong now. */
export interface Fault {
  readonly kind: 'instance' | 'service' | 'region' | 'dependency' | 'probe' | 'slo' | 'watch';
  readonly subject: string;
  readonly region: string;
  readonly cause: string;
}

/** One text for each fault that goes on, whatever is said of its cause meanwhile. */
export const faultKey = ({ kind, region, subject }: Record<'kind' | 'region' | 'subject', string>): string =>
  `${kind}/${region}/${subject}`;

export interface Sight {
  readonly members: readonly Member[];
  readonly services: readonly ServiceHealth[];
  readonly regions: readonly RegionHealth[];
  readonly slos: readonly Slo[];
  /** Why Consul, the window on the mesh, can't be asked; undefined while it can. */
  readonly watchFault: string | undefined;
  /** Consul was asked since the start, so that `watchFault` says something. */
  readonly isWatchAsked: boolean;
  /** The start is long enough ago for everything to have been looked at. */
  readonly isSettled: boolean;
  /** Region of the observer. */
  readonly seenFrom: string;
  readonly nowMs: number;
}

/** What starts may take this long before it counts as broken, in milliseconds. */
const startWithinMs = 15_000;

const { SERVING, UNKNOWN } = HealthState;
const isBad = (state: HealthState): boolean => state !== SERVING && state !== UNKNOWN;

/**
 * Everything that is seen to be wrong. What was stopped on purpose (it left Consul first) is not, and
 * what nobody can tell is not: see `doubtOf` for incidents that go on all the same.
 */
export function faultsOf({ members: all, services, regions, slos, watchFault, seenFrom, nowMs }: Sight): Fault[] {
  const members = all.filter(({ hasServed, verdict }) => hasServed || nowMs - verdict.sinceMs >= startWithinMs);
  const isStarted = (region: string, service?: string): boolean =>
    members.some((one) => one.region === region && (service === undefined || one.service === service));
  return [
    ...members
      .filter(({ verdict, isListed, hasCrashed }) => (isListed || hasCrashed) && isBad(verdict.state))
      .map(({ instance, region, verdict }): Fault => fault('instance', instance, region, verdict.cause)),
    ...services
      .filter(({ state, region, service }) => isBad(state) && isStarted(region, service))
      .map(({ service, region, cause }) => fault('service', service, region, cause)),
    ...regions
      .filter(({ state, region }) => isBad(state) && isStarted(region, 'evaluation'))
      .map(({ region, cause }) => fault('region', region, region, `seen from ${seenFrom}: ${cause}`)),
    ...dependenciesOf(members),
    ...regions.flatMap(({ region, probes }) =>
      probes.filter(({ isGood }) => !isGood).map(({ kind, cause }) => fault('probe', probeNames[kind], region, cause)),
    ),
    ...slos.flatMap(({ region, name, burnRates }) =>
      burnRates
        .filter(({ isFiring }) => isFiring)
        .slice(0, 1)
        .map(({ longRate, threshold, severity }) =>
          fault(
            'slo',
            name,
            region,
            `${severity}: the budget burns ${longRate.toFixed(1)}× too fast (from ${threshold}×)`,
          ),
        ),
    ),
    ...(watchFault === undefined ? [] : [fault('watch', 'consul', seenFrom, `Consul can't be asked: ${watchFault}`)]),
  ];
}

/** What instances say that they have to do without, once for each region. */
function dependenciesOf(members: readonly Member[]): Fault[] {
  const missing = members.flatMap(({ instance, region, isListed, self }) =>
    isListed ? Object.entries(self?.missing ?? {}).map(([name, why]) => ({ instance, region, name, why })) : [],
  );
  return [...Map.groupBy(missing, ({ region, name }) => `${region}\n${name}`).values()].flatMap((group) => {
    const [first] = group;
    const cause = group.map(({ instance, why }) => `${instance}: ${why}`).join('; ');
    return first ? [fault('dependency', first.name, first.region, cause)] : [];
  });
}

export const probeNames: Readonly<Record<ProbeKind, string>> = {
  [ProbeKind.UNSPECIFIED]: 'unspecified',
  [ProbeKind.EVALUATE]: 'evaluate',
  [ProbeKind.INGEST]: 'ingest',
  [ProbeKind.REVISION]: 'revision',
};

function fault(kind: Fault['kind'], subject: string, region: string, cause: string): Fault {
  return { kind, subject, region, cause };
}
