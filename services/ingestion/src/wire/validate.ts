/** Whether an event can be counted, decided from the event and the time it arrived alone. */
import { type Event, type Exposure, ExposureKind, type User, type Value } from '@sluice/proto';
import {
  earliestTimeMs,
  entityNameBytesMax,
  futureMaxMs,
  idTypeBytesMax,
  metadataBytesMax,
  nameBytesMax,
  numberMax,
  stringValueBytesMax,
  unitIdBytesMax,
  userBytesMax,
} from '../limits.js';
import { parseJson, problemInText } from './json-text.js';

/** When a request arrived, and by how much its sender's clock is behind; Unix milliseconds and milliseconds. */
export interface Arrival {
  readonly receivedAtMs: number;
  readonly skewMs: number;
}

/** An event as the log shall hold it, which is the same object when nothing had to be changed, or a sentence that names the wrong field and says what to do. */
export type Verdict = { readonly event: Event } | { readonly reason: string };

/** A wrong field of an event. Never leaves this module: the outcome has its text. */
class Wrong extends Error {
  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
  }
}

/**
 * Judges one event. What is accepted has its time corrected by the sender's skew, its id in lower
 * case and its metadata in the spelling of `JSON.stringify`.
 */
export function judge(event: Event, arrival: Arrival): Verdict {
  try {
    return { event: accept(event, arrival) };
  } catch (error) {
    if (error instanceof Wrong) return { reason: error.message };
    throw error;
  }
}

function accept(event: Event, arrival: Arrival): Event {
  const { exposure } = event;
  // An exposure is told by what was decided: its name says no more than that it is one.
  const name = event.name === '' && exposure ? exposureName : event.name;
  checkId(event.id);
  checkText('name', name, nameBytesMax, isNeeded);
  const timeMs = correctedTime(event.timeMs, arrival);
  checkValue(event.value);
  if (event.user) checkUser(event.user);
  if (exposure) checkExposure(exposure);
  const id = event.id.toLowerCase();
  const metadataJson = checkedMetadata(event.metadataJson);
  const traceparent = traceparentPattern.test(event.traceparent) ? event.traceparent : '';
  const isAsSent =
    id === event.id &&
    name === event.name &&
    timeMs === event.timeMs &&
    metadataJson === event.metadataJson &&
    traceparent === event.traceparent;
  return isAsSent ? event : { ...event, id, name, timeMs, metadataJson, traceparent };
}

/** The name of exposures that come without one. */
export const exposureName = 'exposure';

const uuidPattern = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const nilUuidPattern = /^[0-]+$/;
/** A malformed one costs the trace, never the event. */
const traceparentPattern = /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/;

const isNeeded = true;

function checkId(id: string): void {
  if (id === '') throw new Wrong('id', 'is empty; make a UUIDv7 where the event happens and reuse it in retries');
  if (!uuidPattern.test(id) || (id.startsWith('0') && nilUuidPattern.test(id))) {
    throw new Wrong('id', 'is not a UUID; make a UUIDv7 where the event happens and reuse it in retries');
  }
}

function checkText(field: string, text: string, bytesMax: number, isRequired = false): void {
  if (text === '' && isRequired) throw new Wrong(field, 'is empty; give it a value');
  const bytes = Buffer.byteLength(text);
  if (bytes > bytesMax) throw new Wrong(field, `has ${bytes} bytes, must have at most ${bytesMax}`);
  const problem = problemInText(text);
  if (problem !== undefined) throw new Wrong(field, `${problem}; remove it`);
}

/** Whether the corrected time can be right. */
export function isTimely(timeMs: number, { receivedAtMs, skewMs }: Arrival): boolean {
  const corrected = timeMs + skewMs;
  return corrected >= earliestTimeMs && corrected <= receivedAtMs + futureMaxMs;
}

function correctedTime(timeMs: number, arrival: Arrival): number {
  if (timeMs === 0) throw new Wrong('time_ms', 'is missing; send when the event happened, in Unix milliseconds');
  const corrected = timeMs + arrival.skewMs;
  if (isTimely(timeMs, arrival)) return corrected;
  if (corrected < earliestTimeMs) {
    const earliest = new Date(earliestTimeMs).toISOString();
    throw new Wrong('time_ms', `lies before ${earliest}; send Unix milliseconds by a clock that is set`);
  }
  throw new Wrong('time_ms', 'lies in the future; send Unix milliseconds, and sent_at_ms so that skew is corrected');
}

function checkValue(value: Event['value']): void {
  if (value?.$case === 'stringValue') checkText('string_value', value.value, stringValueBytesMax);
  if (value?.$case !== 'numberValue') return;
  checkNumber('number_value', value.value);
  if (Math.abs(value.value) > numberMax) {
    throw new Wrong('number_value', `is ${value.value}; send a number between -${numberMax} and ${numberMax}`);
  }
}

function checkNumber(field: string, value: number): void {
  if (!Number.isFinite(value)) throw new Wrong(field, `is ${value}; send a finite number`);
}

function checkedMetadata(text: string): string {
  if (text === '') return '';
  checkText('metadata_json', text, metadataBytesMax);
  const value = checkedJson('metadata_json', text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Wrong('metadata_json', 'must be the JSON text of an object, such as {"plan":"pro"}');
  }
  return JSON.stringify(value);
}

function checkedJson(field: string, text: string): unknown {
  const parsed = parseJson(text);
  if ('problem' in parsed) throw new Wrong(field, parsed.problem);
  return parsed.value;
}

function checkUser(user: User): void {
  if (Object.keys(user.privateAttributes).length > 0) {
    throw new Wrong('user.private_attributes', 'are for targeting and never stored; remove them before you log');
  }
  let bytes = 0;
  const check = (field: string, text: string, bytesMax = userBytesMax): void => {
    checkText(field, text, bytesMax);
    bytes += Buffer.byteLength(text);
  };
  check('user.user_id', user.userId ?? '', unitIdBytesMax);
  for (const [type, id] of Object.entries(user.customIds)) {
    check('user.custom_ids', type, idTypeBytesMax);
    check(at('user.custom_ids', type), id, unitIdBytesMax);
  }
  for (const [field, key] of userTexts) check(`user.${field}`, user[key] ?? '');
  for (const [name, text] of Object.entries(user.environment)) {
    check('user.environment', name);
    check(at('user.environment', name), text);
  }
  for (const [name, value] of Object.entries(user.custom)) {
    check('user.custom', name);
    checkAttribute(at('user.custom', name), value, check);
  }
  if (bytes > userBytesMax) throw new Wrong('user', `has ${bytes} bytes of text, must have at most ${userBytesMax}`);
}

const userTexts = [
  ['email', 'email'],
  ['ip', 'ip'],
  ['user_agent', 'userAgent'],
  ['country', 'country'],
  ['locale', 'locale'],
  ['app_version', 'appVersion'],
] as const;

function checkAttribute(field: string, { kind }: Value, check: (field: string, text: string) => void): void {
  if (kind?.$case === 'numberValue') checkNumber(field, kind.value);
  else if (kind?.$case === 'stringValue') check(field, kind.value);
  else if (kind?.$case === 'json') {
    check(field, kind.value);
    checkedJson(field, kind.value);
  }
}

/** The path of a map's entry; long keys are cut, so that a reason stays readable. */
function at(field: string, key: string): string {
  return `${field}[${JSON.stringify(key.length > 40 ? `${key.slice(0, 40)}…` : key)}]`;
}

function checkExposure(exposure: Exposure): void {
  const { GATE, CONFIG, LAYER } = ExposureKind;
  if (![GATE, CONFIG, LAYER].some((kind) => kind === exposure.kind)) {
    throw new Wrong('exposure.kind', 'is not known; it must be a gate, config or layer');
  }
  checkText('exposure.key', exposure.key, entityNameBytesMax, isNeeded);
  checkText('exposure.rule_id', exposure.ruleId, entityNameBytesMax);
  checkText('exposure.group_name', exposure.groupName, entityNameBytesMax);
  checkText('exposure.id_type', exposure.idType, idTypeBytesMax);
  checkText('exposure.unit_id', exposure.unitId, unitIdBytesMax, isNeeded);
  checkText('exposure.parameter', exposure.parameter, entityNameBytesMax);
  checkText('exposure.allocated_experiment', exposure.allocatedExperiment, entityNameBytesMax);
}
