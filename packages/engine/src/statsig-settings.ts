/** Top-level keys of a document that a ruleset passes through untouched, and the types they must have. */
import { type JsonNode, JsonNumber } from './json-text.js';
import { FieldError, Fields, readBool, readNumber, readText } from './statsig-fields.js';

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
  sdk_configs: recordOf(readScalar),
  sdk_keys_to_app_ids: recordOf(readAny),
  hashed_sdk_keys_to_app_ids: recordOf(readAny),
  session_replay_info: (node, path) => new Fields(node, path),
  auto_capture_settings: (node, path) => new Fields(node, path),
  gcir_config: (node, path) => new Fields(node, path),
};

/** Throws `FieldError` when a key that the reference knows has a type that it refuses. */
export function checkSetting(root: Fields, key: string): void {
  const node = root.node(key);
  if (node === undefined || node === null || !Object.hasOwn(checks, key)) return;
  checks[key]?.(node, root.at(key));
}

function recordOf(check: Check): Check {
  return (node, path) => {
    for (const [, member, memberPath] of new Fields(node, path).entries()) check(member, memberPath);
  };
}

function readAny(): void {}

function readScalar(node: JsonNode, path: string): void {
  const isScalar = typeof node === 'string' || typeof node === 'boolean' || node instanceof JsonNumber;
  if (!isScalar) throw new FieldError(path, 'must be a string, a number or a bool');
}
