import { evaluateGate } from './api.js';
import type { Context } from './context.js';
import type { JsonObject } from './initialize-response.js';
import { type JsonNode, JsonNumber, readJson } from './json-text.js';
import type { Program } from './program.js';
import type { User } from './user.js';
import { freezeNode } from './value.js';

/** Settings handed to clients as they are. */
const passedThrough: Readonly<Record<string, string>> = {
  recording_blocked: 'recording_blocked',
  session_recording_privacy_settings: 'session_recording_privacy_settings',
  session_recording_event_triggers: 'session_recording_event_triggers',
  session_recording_exposure_triggers: 'session_recording_exposure_triggers',
};

/** The session replay part of a client response; empty where the ruleset says nothing about it. */
export function sessionReplayOf(program: Program, user: User, context: Context): JsonObject {
  const text = program.ruleset.settings.get('session_replay_info');
  const info: JsonNode = text === undefined ? null : readJson(text);
  if (!(info instanceof Map)) return {};
  const rate = info.get('sampling_rate');
  const rateNumber = rate instanceof JsonNumber ? Number(rate.text) : 1;
  const replay: JsonObject = {
    can_record_session: (context.random ?? 0) < rateNumber,
    session_recording_rate: rateNumber,
  };
  for (const [from, to] of Object.entries(passedThrough)) {
    const node = info.get(from);
    if (node !== undefined && node !== null) replay[to] = freezeNode(node);
  }
  const gate = info.get('targeting_gate');
  if (typeof gate === 'string') {
    replay.passes_session_recording_targeting = evaluateGate(program, gate, user, context).value;
  }
  return replay;
}
