import { unitIdOf } from '@sluice/codec';
import {
  type Decision,
  DecisionError,
  type Event,
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

/** Unknown entities and units without an id are no exposures: nobody saw anything that could be counted. */
export function isExposure(user: User, { error, kind, idType }: Decision): boolean {
  return error === DecisionError.UNSPECIFIED && kind !== Kind.UNSPECIFIED && unitIdOf(user, idType || 'userID') !== '';
}

/** The events of a record, each with an id of its own that retries keep. */
export function eventsOf(record: ExposureRecord): SizedEvent[] {
  const exposed = record.decisions.filter((decision) => isExposure(record.user, decision));
  if (exposed.length === 0) return [];
  const user = loggedUser(record.user);
  const userBytes = User.encode(user).finish().length;
  return exposed.map((decision) => {
    const event = eventOf(record, decision, user);
    return { event, bytes: userBytes + exposureBytes(decision) };
  });
}

function eventOf({ timeMs, revision, traceparent }: ExposureRecord, decision: Decision, user: User): Event {
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
      ruleId: decision.ruleId,
      groupName: decision.groupName,
      idType: decision.idType,
      unitId: unitIdOf(user, decision.idType || 'userID'),
      revision,
      version: decision.version,
      parameter: '',
      allocatedExperiment: decision.allocatedExperiment,
    },
    traceparent: traceparent ?? '',
  };
}

function exposureKind(kind: Kind): ExposureKind {
  if (kind === Kind.GATE) return ExposureKind.GATE;
  return kind === Kind.LAYER ? ExposureKind.LAYER : ExposureKind.CONFIG;
}

/** Texts count three bytes a character; the rest of an event is well below 300. */
function exposureBytes({ name, ruleId, groupName, idType, allocatedExperiment }: Decision): number {
  return 300 + 3 * (name.length + ruleId.length + groupName.length + idType.length + allocatedExperiment.length);
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
