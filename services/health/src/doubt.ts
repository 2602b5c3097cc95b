import { HealthState, type Incident } from '@sluice/proto';
import { type Fault, probeNames, type Sight } from './faults.js';

const { SERVING } = HealthState;
const notSeenYet = 'not seen since the health service started';

type Doubt = (incident: Incident, sight: Sight) => string | undefined;

/**
 * Why an incident whose fault is not seen now may still go on; undefined when it is over. Nothing is
 * over because nobody could look: what is wrong stays so until its subject was seen to be well, or
 * was stopped on purpose.
 */
export function doubtOf(incident: Incident, sight: Sight): string | undefined {
  const doubt = Object.hasOwn(doubts, incident.kind) ? doubts[incident.kind as Fault['kind']] : undefined;
  return doubt?.(incident, sight);
}

const doubts: Readonly<Record<Fault['kind'], Doubt>> = {
  instance: ({ subject, region }, sight) => {
    const member = sight.members.find((one) => one.region === region && one.instance === subject);
    if (!member) return unlessSettled(sight);
    if (member.verdict.state === SERVING) return undefined;
    return member.isListed || member.hasCrashed ? member.verdict.cause : unlessSettled(sight);
  },
  service: ({ subject, region }, sight) =>
    unlessServing(
      sight.services.find((one) => one.region === region && one.service === subject),
      sight,
    ),
  region: ({ region }, sight) =>
    unlessServing(
      sight.regions.find((one) => one.region === region),
      sight,
    ),
  probe: ({ subject, region }, sight) => {
    const probes = sight.regions.find((one) => one.region === region)?.probes ?? [];
    return probes.some(({ kind }) => probeNames[kind] === subject) ? undefined : unlessSettled(sight);
  },
  dependency: ({ region }, sight) => {
    const listed = sight.members.filter((one) => one.region === region && one.isListed);
    if (listed.length === 0) return unlessSettled(sight);
    if (!listed.some(({ self }) => self)) return 'no instance of the region answers';
    return listed.every(({ self }) => self) ? undefined : unlessSettled(sight);
  },
  // The books are kept over restarts, and say it themselves.
  slo: () => undefined,
  watch: (_incident, { isWatchAsked }) => (isWatchAsked ? undefined : notSeenYet),
};

const unlessSettled = ({ isSettled }: Sight): string | undefined => (isSettled ? undefined : notSeenYet);

function unlessServing(
  subject: { readonly state: HealthState; readonly cause: string } | undefined,
  sight: Sight,
): string | undefined {
  if (!subject) return unlessSettled(sight);
  return subject.state === SERVING ? undefined : subject.cause;
}
