/** Which entities a client key may see: those of its app. */
import { djb2 } from '../bucket.js';
import { textOf } from '../coerce.js';
import type { Context } from '../context.js';
import { type JsonNode, writeJson } from '../json-text.js';
import type { JsonText, Ruleset } from '../ruleset.js';
import { freezeNode, tryRead } from '../value.js';

/** The app that a response is for. */
export interface ClientApp {
  /** For `target_app` conditions; undefined leaves them what they ask otherwise. */
  readonly appId: JsonText | undefined;
  /** Only entities that list this app are shown; undefined shows them all. */
  readonly shownTo: string | undefined;
}

const everyApp: ClientApp = { appId: undefined, shownTo: undefined };

/**
 * The app of a client key. The map of hashed keys replaces the plain one, which replaces the document's own
 * app, also where the key is in neither; an app that is null or an object has no text, and filters nothing.
 */
export function clientAppOf(ruleset: Ruleset, clientSdkKey: string | undefined): ClientApp {
  if (clientSdkKey === undefined) return everyApp;
  const { settings, appId } = ruleset;
  const hashed = settings.get('hashed_sdk_keys_to_app_ids');
  const plain = settings.get('sdk_keys_to_app_ids');
  const node = lookUp(hashed, djb2(clientSdkKey)) ?? lookUp(plain, clientSdkKey) ?? { app: tryRead(appId) };
  return { appId: writeJson(node.app), shownTo: textOf(freezeNode(node.app)) };
}

/** The app in a table, null when the key is not in it; undefined when there is no table. */
function lookUp(text: JsonText | undefined, key: string): { readonly app: JsonNode } | undefined {
  const table = tryRead(text);
  return table instanceof Map ? { app: table.get(key) ?? null } : undefined;
}

/** Once an app is known, only what names it is shown. */
export function isShownTo(
  { shownTo }: ClientApp,
  { targetAppIDs }: { readonly targetAppIDs?: readonly string[] },
): boolean {
  return shownTo === undefined || targetAppIDs?.includes(shownTo) === true;
}

/** What the entities of a response are decided in. */
export function contextFor(context: Context, { appId }: ClientApp, hasOverrides: boolean): Context {
  return {
    ...context,
    ...(appId === undefined ? {} : { appId }),
    localOverrides: hasOverrides ? context.localOverrides : undefined,
  };
}
