/** Parameter stores as client responses write them. */
import type { JsonNode } from '../json-text.js';
import { parameterKindOf } from '../parameter-kind.js';
import type { Parameter, ParamStore } from '../ruleset.js';
import { freezeNode, tryRead } from '../value.js';
import type { Hash } from './hash.js';
import type { JsonObject } from './tables.js';

/** The stores that are shown, under hidden names. */
export function writeParamStores(
  stores: ReadonlyMap<string, ParamStore>,
  isShown: (name: string, store: ParamStore) => boolean,
  hash: Hash,
): JsonObject {
  const section: JsonObject = {};
  for (const [name, store] of stores) {
    if (!isShown(name, store)) continue;
    const parameters = Object.entries(store.parameters).map(([key, parameter]) => [
      key,
      writeParameter(key, parameter, hash),
    ]);
    section[hash(name)] = Object.fromEntries(parameters);
  }
  return section;
}

/** Only the fields of its kind are kept, and the name of what it refers to is hidden. */
function writeParameter(name: string, { refType, paramType, body }: Parameter, hash: Hash): JsonObject {
  const node = tryRead(body);
  const members: ReadonlyMap<string, JsonNode> = node instanceof Map ? node : new Map();
  const entry: JsonObject = { name, ref_type: refType, param_type: paramType };
  const { texts = [], values = [] } = parameterKindOf(members) ?? {};
  for (const [index, field] of texts.entries()) {
    const text = String(members.get(field));
    entry[field] = index === 0 ? hash(text) : text;
  }
  for (const field of values) entry[field] = freezeNode(members.get(field) ?? null);
  return entry;
}
