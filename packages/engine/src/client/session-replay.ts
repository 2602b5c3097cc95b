import { decideGate } from '../decide.js';
import type { Evaluation } from '../evaluation.js';
import { type JsonNode, JsonNumber } from '../json-text.js';
import { freezeNode, tryRead } from '../value.js';
import { type Hash, hashOf } from './hash.js';
import type { JsonObject } from './tables.js';

/** The session replay part of a client response; empty where the ruleset says nothing about it. */
export function sessionReplayOf(evaluation: Evaluation, hash: Hash): JsonObject {
  const info = tryRead(evaluation.program.ruleset.settings.get('session_replay_info'));
  if (!(info instanceof Map)) return {};
  const random = evaluation.context.random ?? 0;
  const rate = numberOf(info.get('sampling_rate'));
  const isBlocked = info.get('recording_blocked') ?? undefined;
  const passes = passesTargeting(evaluation, info.get('targeting_gate'));
  const replay: JsonObject = {
    can_record_session: isBlocked !== true && passes !== false && (rate === undefined || random <= rate),
  };
  if (rate !== undefined) replay.session_recording_rate = rate;
  if (isBlocked !== undefined) replay.recording_blocked = freezeNode(isBlocked);
  if (passes !== undefined) replay.passes_session_recording_targeting = passes;
  const events = triggersOf(info.get('session_recording_event_triggers'), hashOf('none'), random);
  if (events !== undefined) replay.session_recording_event_triggers = events;
  const exposures = triggersOf(info.get('session_recording_exposure_triggers'), hash, random);
  if (exposures !== undefined) replay.session_recording_exposure_triggers = exposures;
  const privacy = info.get('session_recording_privacy_settings');
  if (privacy instanceof Map) replay.session_recording_privacy_settings = pick(privacy, privacyFields);
  return replay;
}

/** Undefined where nobody is targeted. An unknown gate is off. */
function passesTargeting(evaluation: Evaluation, gate: JsonNode | undefined): boolean | undefined {
  return typeof gate === 'string' ? decideGate(evaluation.restart(), gate).value : undefined;
}

/** Each trigger with its outcome in place of its rate: one number is drawn for the whole response. */
function triggersOf(node: JsonNode | undefined, nameOf: Hash, random: number): JsonObject | undefined {
  if (!(node instanceof Map)) return undefined;
  const triggers: [string, JsonObject][] = [];
  for (const [name, trigger] of node) {
    if (!(trigger instanceof Map)) continue;
    const rate = numberOf(trigger.get('sampling_rate'));
    const outcome = rate === undefined ? {} : { passes_sampling: random <= rate };
    triggers.push([nameOf(name), { ...pick(trigger, ['values']), ...outcome }]);
  }
  return Object.fromEntries(triggers);
}

const privacyFields = ['privacy_mode', 'unmasked_elements', 'masked_elements', 'blocked_elements'];

/** Some members; those that are null are left out. */
function pick(members: ReadonlyMap<string, JsonNode>, names: readonly string[]): JsonObject {
  const picked: JsonObject = {};
  for (const name of names) {
    const node = members.get(name);
    if (node !== undefined && node !== null) picked[name] = freezeNode(node);
  }
  return picked;
}

function numberOf(node: JsonNode | undefined): number | undefined {
  return node instanceof JsonNumber ? Number(node.text) : undefined;
}
