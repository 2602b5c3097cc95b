/** The digested views of a condition's `targetValue`, made once at compile. */
import { type Integer, parseFloatText, parseIntegerText } from './coerce.js';
import { DeepJson, type JsonNode, JsonNumber, readJson, writeJson } from './json-text.js';
import { canonicalNumberText } from './number-text.js';
import type { JsonText } from './ruleset.js';
import { parseTimestamp } from './timestamp.js';

/** An element of a list target: its text in original case, and its place in the authored list. */
export interface ListElement {
  readonly text: string;
  readonly index: number;
}

/** A target with the views that it has; bools and numbers have no text. */
export interface Target {
  readonly kind: 'null' | 'bool' | 'number' | 'text' | 'list' | 'object';
  readonly bool?: boolean;
  readonly text?: string;
  readonly float?: number;
  readonly timestamp?: Integer;
  /** Keyed by lower-cased text; later elements replace earlier ones with the same key, in every operator. */
  readonly list?: ReadonlyMap<string, ListElement>;
  /** Keys as authored, values as text. */
  readonly object?: ReadonlyMap<string, string>;
}

const nullTarget: Target = { kind: 'null' };

/** Digests a target. Throws `JsonSyntaxError` on text that is not JSON. */
export function readTarget(text: JsonText | undefined): Target {
  return text === undefined ? nullTarget : digest(readJson(text));
}

/** Strings as they are, everything else as compact JSON with numbers the way the reference writes them. */
function nodeText(node: JsonNode): string {
  return typeof node === 'string' ? node : writeJson(node, canonicalNumberText);
}

function digest(node: JsonNode): Target {
  if (node === null || node instanceof DeepJson) return nullTarget;
  if (typeof node === 'boolean') return { kind: 'bool', bool: node };
  if (node instanceof JsonNumber) return { kind: 'number', float: Number(node.text) };
  if (typeof node === 'string') return digestText(node);
  if (Array.isArray(node)) return { kind: 'list', list: keyedList(node) };
  const object = new Map<string, string>();
  for (const [key, value] of node) object.set(key, nodeText(value));
  return { kind: 'object', object };
}

function digestText(text: string): Target {
  const float = parseFloatText(text);
  const timestamp = parseIntegerText(text) ?? parseTimestamp(text);
  return {
    kind: 'text',
    text,
    ...(float === undefined ? {} : { float }),
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}

function keyedList(nodes: readonly JsonNode[]): Map<string, ListElement> {
  const list = new Map<string, ListElement>();
  nodes.forEach((node, index) => {
    const text = nodeText(node);
    list.set(text.toLowerCase(), { text, index });
  });
  return list;
}
