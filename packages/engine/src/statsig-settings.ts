/** Top-level keys of a document that a ruleset passes through untouched, and the types they must have. */
import type { JsonNode } from './json-text.js';
import { checkReadable, Fields, readBool, readNumber, readText } from './statsig-fields.js';

/** Keys that a ruleset has fields for. */
export const keptApart: ReadonlySet<string> = new Set([
  'has_updates',
  'time',
  'feature_gates',
  'dynamic_configs',
  'layer_configs',
  'condition_map',
  'experiment_to_layer',
  'param_stores',
  'cmab_configs',
  'overrides',
  'override_rules',
  'app_id',
  'default_environment',
]);

type Check = (node: JsonNode, path: string) => unknown;

const checks: Readonly<Record<string, Check>> = {
  checksum: readText,
  company_id: readText,
  response_format: readText,
  id_lists: recordOf(readBool),
  sdk_flags: recordOf(readBool),
  diagnostics: recordOf(readNumber),
  sdk_configs: recordOf(checkReadable),
  sdk_keys_to_app_ids: recordOf(checkReadable),
  hashed_sdk_keys_to_app_ids: recordOf(checkReadable),
  session_replay_info: checkReplay,
  auto_capture_settings: (node, path) => new Fields(node, path).object('disabled_events').checkEach(readBool),
  gcir_config: (node, path) => new Fields(node, path).bool('remove_default_value_gates'),
};

/** Throws `FieldError` when a key that the reference knows has a type that it refuses. */
export function checkSetting(root: Fields, key: string): void {
  if (!Object.hasOwn(checks, key)) return;
  const node = root.node(key);
  if (node !== undefined && node !== null) checks[key]?.(node, root.at(key));
}

function recordOf(check: Check): Check {
  return (node, path) => new Fields(node, path).checkEach(check);
}

function checkReplay(node: JsonNode, path: string): void {
  const info = new Fields(node, path);
  info.optionalNumber('sampling_rate');
  info.optionalText('targeting_gate');
  info.optionalBool('recording_blocked');
  info.optionalObject('session_recording_event_triggers')?.checkEach(checkTrigger);
  info.optionalObject('session_recording_exposure_triggers')?.checkEach(checkTrigger);
  const privacy = info.optionalObject('session_recording_privacy_settings');
  if (privacy === undefined) return;
  privacy.text('privacy_mode');
  for (const key of ['unmasked_elements', 'masked_elements', 'blocked_elements']) privacy.optionalTexts(key);
}

function checkTrigger(node: JsonNode, path: string): void {
  const trigger = new Fields(node, path);
  trigger.optionalNumber('sampling_rate');
  trigger.optionalTexts('values');
  trigger.optionalBool('passes_sampling');
}
