import { HealthState, ProbeKind, type ProbeResult, type RegionHealth, type ServiceHealth } from '@sluice/proto';
import type { Member } from './roster.js';

type Seen = Pick<Member, 'service' | 'instance' | 'region' | 'verdict'>;

const { SERVING, NOT_SERVING, UNREACHABLE, UNKNOWN } = HealthState;

/** Each service of each region: serving while one of its instances is. Ordered by region, then service. */
export function servicesOf(members: readonly Seen[]): ServiceHealth[] {
  const groups = Map.groupBy(members, ({ region, service }) => `${region}\n${service}`);
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      return first ? [serviceOf(first, group)] : [];
    })
    .sort((a, b) => a.region.localeCompare(b.region) || a.service.localeCompare(b.service));
}

function serviceOf({ region, service }: Seen, group: readonly Seen[]): ServiceHealth {
  const serving = group.filter(({ verdict }) => verdict.state === SERVING).length;
  const worst = group.find(({ verdict }) => verdict.state !== SERVING);
  const state = serving > 0 ? SERVING : togetherOf(group.map(({ verdict }) => verdict.state));
  const cause = serving > 0 || !worst ? '' : `${worst.instance} ${worst.verdict.cause}`;
  return { region, service, state, cause, serving, instances: group.length };
}

/** None of them serves: unknown when nobody can tell of any, unreachable when none answers. */
function togetherOf(states: readonly HealthState[]): HealthState {
  if (states.every((state) => state === UNKNOWN)) return UNKNOWN;
  return states.every((state) => state === UNREACHABLE || state === UNKNOWN) ? UNREACHABLE : NOT_SERVING;
}

/** What a region did before, so that `sinceMs` stands while its state does. */
export type RegionsBefore = ReadonlyMap<string, Pick<RegionHealth, 'state' | 'sinceMs'>>;

/** A region serves while an evaluator of it does and its probes work. Ordered by name. */
export function regionsOf(
  services: readonly ServiceHealth[],
  probesOf: (region: string) => ProbeResult[],
  before: RegionsBefore,
  nowMs: number,
): RegionHealth[] {
  const groups = Map.groupBy(services, ({ region }) => region);
  return [...groups.keys()].sort().map((region) => {
    const probes = probesOf(region);
    const { state, cause } = judge(groups.get(region) ?? [], probes);
    const known = before.get(region);
    return { region, state, cause, sinceMs: known?.state === state ? known.sinceMs : nowMs, probes };
  });
}

function judge(services: readonly ServiceHealth[], probes: readonly ProbeResult[]) {
  const states = services.map(({ state }) => state);
  if (!states.includes(SERVING))
    return { state: togetherOf(states), cause: `none of its ${states.length} services serves` };
  const causes = [
    ...services.filter(({ state }) => state !== SERVING).map(({ service, cause }) => `${service}: ${cause}`),
    ...probes.filter(({ isGood }) => !isGood).map(({ cause }) => cause),
  ];
  const evaluation = services.find(({ service }) => service === 'evaluation');
  const canEvaluate =
    (evaluation === undefined || evaluation.state === SERVING) &&
    !probes.some((probe) => probe.kind === ProbeKind.EVALUATE && isFailing(probe));
  return { state: canEvaluate ? SERVING : NOT_SERVING, cause: causes.join('; ') };
}

/** One bad probe may be the one call that met a fault; of two in a row callers speak too. */
const isFailing = ({ isGood, atMs, sinceMs }: ProbeResult): boolean => !isGood && atMs > sinceMs;
