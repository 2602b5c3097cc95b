import { DeepJson, type JsonNode, JsonNumber, nestingMax, readJson, writeJson } from './json-text.js';
import type { JsonText } from './ruleset.js';
import type { JsonValue } from './user.js';

const emptyObject: Readonly<Record<string, JsonValue>> = Object.freeze({});

/**
 * An answer's value: a bool, an object, or nothing. Whatever else a document holds is read as the
 * reference reads it: null is nothing; strings, numbers, arrays and what it can't read are empty objects.
 */
export class Value {
  /** The literal bool, if it is one. */
  readonly bool: boolean | undefined;
  /** JSON text of the object; `{}` for everything else. */
  readonly text: JsonText;
  readonly hasObject: boolean;
  #object: Readonly<Record<string, JsonValue>> | undefined;

  constructor(text: JsonText) {
    this.bool = text === 'true' ? true : text === 'false' ? false : undefined;
    this.hasObject = this.bool === undefined && text !== 'null';
    this.text = this.hasObject && text.startsWith('{') && isReadable(text) ? text : '{}';
  }

  /** The object, parsed on first use and frozen; empty when there is none. */
  get object(): Readonly<Record<string, JsonValue>> {
    this.#object ??= this.text === '{}' ? emptyObject : parseFrozen(this.text);
    return this.#object;
  }
}

/** Half a surrogate pair, or a number that may be infinite. */
const oddPattern = /\\u[dD][89a-fA-F]|[0-9][eE]\+?[0-9]{3}|[0-9]{300}/;

/** Whether a value can be read, without reading it where that is plain. */
function isReadable(text: JsonText): boolean {
  if (!oddPattern.test(text) && bracketsOf(text) <= nestingMax) return true;
  return tryRead(text) !== null;
}

/** At least as many as there are levels. */
function bracketsOf(text: string): number {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0 && count <= nestingMax; at = text.indexOf(bracket, at + 1)) count++;
  }
  return count;
}

/** No value at all, which the reference tells apart from a value that is null. */
export const noValue = new Value('null');

const common = new Map<JsonText, Value>(['true', 'false', 'null', '{}'].map((text) => [text, new Value(text)]));

/** The value of a text; the usual ones are shared. */
export function valueOfText(text: JsonText): Value {
  return common.get(text) ?? new Value(text);
}

/** Members of a value's object, each as JSON text. */
export function membersOf(value: Value): ReadonlyMap<string, JsonText> {
  const members = new Map<string, JsonText>();
  const node = tryRead(value.text);
  if (node instanceof Map) for (const [key, member] of node) members.set(key, writeJson(member));
  return members;
}

/** The value made of members. */
export function valueOfMembers(members: ReadonlyMap<string, JsonText>): Value {
  const parts: string[] = [];
  for (const [key, text] of members) parts.push(`${JSON.stringify(key)}:${text}`);
  return new Value(`{${parts.join(',')}}`);
}

/** The node of a text; null where it is not JSON, which compile has reported. */
export function tryRead(text: JsonText | undefined): JsonNode {
  if (text === undefined) return null;
  try {
    return readJson(text);
  } catch {
    return null;
  }
}

/** Text that is not JSON (compile reports it) reads as empty. */
function parseFrozen(text: JsonText): Readonly<Record<string, JsonValue>> {
  const node = tryRead(text);
  return node instanceof Map ? (freezeNode(node) as Readonly<Record<string, JsonValue>>) : emptyObject;
}

/** Plain frozen data from a node. Recursion is bounded by the reader's nesting limit. */
export function freezeNode(node: JsonNode): JsonValue {
  if (node instanceof JsonNumber) return Number(node.text);
  // Only what was not read as a value has any.
  if (node instanceof DeepJson) return null;
  if (Array.isArray(node)) return Object.freeze(node.map(freezeNode));
  if (!(node instanceof Map)) return node;
  const object: Record<string, JsonValue> = {};
  for (const [key, member] of node) {
    const value = freezeNode(member);
    // Assigning would call the setter of the prototype.
    if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true });
    else object[key] = value;
  }
  return Object.freeze(object);
}
