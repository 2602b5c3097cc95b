/** Which entities a client key may see: those of its app. */
import { djb2 } from './bucket.js';
import { type JsonNode, JsonNumber, readJson } from './json-text.js';
import type { Ruleset } from './ruleset.js';

/** The app of a client key; undefined when the key, or its app, is not known. */
export function appIdFor(ruleset: Ruleset, clientSdkKey: string | undefined): string | undefined {
  if (clientSdkKey === undefined) return undefined;
  return (
    lookUp(ruleset.settings.get('hashed_sdk_keys_to_app_ids'), djb2(clientSdkKey)) ??
    lookUp(ruleset.settings.get('sdk_keys_to_app_ids'), clientSdkKey)
  );
}

function lookUp(text: string | undefined, key: string): string | undefined {
  const table: JsonNode = text === undefined ? null : readJson(text);
  const value = table instanceof Map ? table.get(key) : undefined;
  if (value instanceof JsonNumber) return value.text;
  return typeof value === 'string' ? value : undefined;
}

/** Once an app is known, only what names it is shown. */
export function isForApp(entity: { readonly targetAppIDs?: readonly string[] }, appId: string | undefined): boolean {
  return appId === undefined || entity.targetAppIDs?.includes(appId) === true;
}
