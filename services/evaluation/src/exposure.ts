import { unitIdOf } from '@sluice/codec';
import {
  type Decision,
  DecisionError,
  type Event,
  type Exposure,
  ExposureKind,
  Kind,
  type SetRef,
  User,
  type Value,
} from '@sluice/proto';
import { v7 } from 'uuid';

/** The decisions of one request: what an answer leaves behind, and all that the hot path makes. */
export interface ExposureRecord {
  readonly set: SetRef;
  readonly user: User;
  readonly decisions: readonly Decision[];
  readonly revision: number;
  readonly timeMs: number;
  readonly traceparent: string | undefined;
}

/** An event with its size on the wire, in bytes, or a little more. */
export interface SizedEvent {
  readonly event: Event;
  readonly bytes: number;
}

/**
 * How many exposures a decision is. Unknown entities and units without an id are none: nobody saw anything that could
 * be counted. Of a newer layer each parameter is one, as each has a rule of its own; a store's parameters are asked for
 * by what they refer to.
 */
export function countExposures(user: User, { error, kind, idType, parameterRules }: Decision): number {
  if (error !== DecisionError.UNSPECIFIED || kind === Kind.UNSPECIFIED || kind === Kind.PARAM_STORE) return 0;
  return unitIdOf(user, idType || 'userID') === '' ? 0 : Math.max(parameterRules.length, 1);
}

/** The events of a record, each with an id of its own that retries keep. */
export function eventsOf(record: ExposureRecord): SizedEvent[] {
  const exposed = record.decisions.filter((decision) => countExposures(record.user, decision) > 0);
  if (exposed.length === 0) return [];
  const user = loggedUser(record.user);
  const userBytes = User.encode(user).finish().length;
  return exposed.flatMap((decision) =>
    shownBy(decision).map((shown) => ({
      event: eventOf(record, decision, shown, user),
      bytes: userBytes + exposureBytes(decision, shown),
    })),
  );
}

type Shown = Pick<Exposure, 'ruleId' | 'parameter' | 'allocatedExperiment'>;

/** What of a decision is an exposure by itself; a parameter counts for the experiment only if that owns it. */
function shownBy({ ruleId, allocatedExperiment, explicitParameters, parameterRules }: Decision): Shown[] {
  if (parameterRules.length === 0) return [{ ruleId, parameter: '', allocatedExperiment }];
  return parameterRules.map(({ parameter, ruleId }) => ({
    ruleId,
    parameter,
    allocatedExperiment: explicitParameters.includes(parameter) ? allocatedExperiment : '',
  }));
}

function eventOf(
  { timeMs, revision, traceparent }: ExposureRecord,
  decision: Decision,
  shown: Shown,
  user: User,
): Event {
  return {
    id: v7(),
    timeMs,
    name: 'exposure',
    user,
    value: undefined,
    metadataJson: '',
    exposure: {
      kind: exposureKind(decision.kind),
      key: decision.name,
      gateValue: decision.gateValue,
      ...shown,
      groupName: decision.groupName,
      idType: decision.idType,
      unitId: unitIdOf(user, decision.idType || 'userID'),
      revision,
      version: decision.version,
    },
    traceparent: traceparent ?? '',
  };
}

function exposureKind(kind: Kind): ExposureKind {
  if (kind === Kind.GATE) return ExposureKind.GATE;
  return kind === Kind.LAYER ? ExposureKind.LAYER : ExposureKind.CONFIG;
}

/** Texts count three bytes a character; the rest of an event is well below 300. */
function exposureBytes({ name, groupName, idType }: Decision, shown: Shown): number {
  const { ruleId, parameter, allocatedExperiment } = shown;
  const texts = [name, ruleId, groupName, idType, parameter, allocatedExperiment];
  return 300 + 3 * texts.reduce((sum, text) => sum + text.length, 0);
}

/** Without what must not be stored: private attributes, and numbers that are none. */
function loggedUser(user: User): User {
  const hasNoNumber = Object.values(user.custom).some(isNoNumber);
  const custom = hasNoNumber
    ? Object.fromEntries(Object.entries(user.custom).filter(([, value]) => !isNoNumber(value)))
    : user.custom;
  return { ...user, custom, privateAttributes: {} };
}

function isNoNumber({ kind }: Value): boolean {
  return kind?.$case === 'numberValue' && !Number.isFinite(kind.value);
}
