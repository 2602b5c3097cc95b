/** Reading typed fields out of parsed JSON; the first field of the wrong type fails the entity it is in. */
import { flawOf, type JsonNode, JsonNumber, RepeatingMembers, writeJson } from './json-text.js';
import type { JsonText } from './ruleset.js';

/** A field that is missing or of the wrong type. */
export class FieldError extends Error {
  override readonly name = 'FieldError';
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** The fields of one JSON object, with the path that problems are reported under. */
export class Fields {
  readonly path: string;
  readonly members: ReadonlyMap<string, JsonNode>;
  readonly #repeated: ReadonlySet<string> | undefined;

  constructor(node: JsonNode | undefined, path: string) {
    if (!(node instanceof Map)) throw new FieldError(path, 'must be an object');
    this.path = path;
    this.members = node;
    this.#repeated = node instanceof RepeatingMembers ? node.repeated : undefined;
    for (const key of node.keys())
      if (!key.isWellFormed()) throw new FieldError(this.at(key), `has a name with ${flawOf(key)}`);
  }

  at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  /** A field that is known may be there only once. */
  node(key: string): JsonNode | undefined {
    if (this.#repeated?.has(key)) throw new FieldError(this.at(key), 'is there more than once');
    return this.members.get(key);
  }

  /** All members, each under its own path. */
  *entries(): Iterable<readonly [key: string, node: JsonNode, path: string]> {
    for (const [key, node] of this.members) yield [key, node, this.at(key)];
  }

  /** Reads every member, for the errors. */
  checkEach(read: (node: JsonNode, path: string) => unknown): void {
    for (const [, node, path] of this.entries()) read(node, path);
  }

  /** Null counts as absent in optional fields. */
  #optional<Value>(key: string, read: (node: JsonNode, path: string) => Value): Value | undefined {
    const node = this.node(key);
    return node === undefined || node === null ? undefined : read(node, this.at(key));
  }

  #required<Value>(key: string, read: (node: JsonNode, path: string) => Value): Value {
    const node = this.node(key);
    if (node === undefined) throw new FieldError(this.at(key), 'is required');
    return read(node, this.at(key));
  }

  text(key: string): string {
    return this.#required(key, readText);
  }

  optionalText(key: string): string | undefined {
    return this.#optional(key, readText);
  }

  bool(key: string): boolean {
    return this.#required(key, readBool);
  }

  optionalBool(key: string): boolean | undefined {
    return this.#optional(key, readBool);
  }

  number(key: string): number {
    return this.#required(key, readNumber);
  }

  optionalNumber(key: string): number | undefined {
    return this.#optional(key, readNumber);
  }

  /** An unsigned integer of at most so many bits. */
  unsigned(key: string, bits: 32 | 64): number {
    return this.#required(key, unsignedReader(bits));
  }

  optionalUnsigned(key: string, bits: 32 | 64): number | undefined {
    return this.#optional(key, unsignedReader(bits));
  }

  /** A signed integer of 64 bits. */
  optionalInteger(key: string): number | undefined {
    return this.#optional(key, integerReader(-(2n ** 63n), 2n ** 63n - 1n, 'an integer of 64 bits'));
  }

  texts(key: string): string[] {
    return this.#required(key, readTexts);
  }

  optionalTexts(key: string): string[] | undefined {
    return this.#optional(key, readTexts);
  }

  /** Any JSON, but it has to be there. It is read when it is used, and may turn out unreadable then. */
  json(key: string): JsonText {
    return this.#required(key, (node) => writeJson(node));
  }

  optionalJson(key: string): JsonText | undefined {
    const node = this.node(key);
    return node === undefined ? undefined : writeJson(node);
  }

  /** Any JSON but null that is read at once. */
  optionalReadable(key: string): JsonText | undefined {
    return this.#optional(key, (node, path) => {
      checkReadable(node, path);
      return writeJson(node);
    });
  }

  list<Value>(key: string, read: (node: JsonNode, path: string) => Value): Value[] {
    return this.#required(key, listReader(read));
  }

  object(key: string): Fields {
    return this.#required(key, (node, path) => new Fields(node, path));
  }

  optionalObject(key: string): Fields | undefined {
    return this.#optional(key, (node, path) => new Fields(node, path));
  }
}

export function readText(node: JsonNode, path: string): string {
  if (typeof node !== 'string') throw new FieldError(path, 'must be a string');
  if (!node.isWellFormed()) throw new FieldError(path, `has ${flawOf(node)}`);
  return node;
}

export function readBool(node: JsonNode, path: string): boolean {
  if (typeof node !== 'boolean') throw new FieldError(path, 'must be true or false');
  return node;
}

export function readNumber(node: JsonNode, path: string): number {
  if (!(node instanceof JsonNumber)) throw new FieldError(path, 'must be a number');
  checkReadable(node, path);
  return Number(node.text);
}

/** Any JSON that is read at once. */
export function checkReadable(node: JsonNode, path: string): void {
  const flaw = flawOf(node);
  if (flaw !== undefined) throw new FieldError(path, `can't be read: ${flaw}`);
}

function unsignedReader(bits: 32 | 64): (node: JsonNode, path: string) => number {
  return integerReader(0n, 2n ** BigInt(bits) - 1n, `an unsigned ${bits}-bit integer`);
}

/** Digits only, as the reference takes no fractions here. Beyond 2^53, where numbers are inexact, the last exact one. */
function integerReader(min: bigint, max: bigint, kind: string): (node: JsonNode, path: string) => number {
  return (node, path) => {
    const value = readNumber(node, path);
    const text = node instanceof JsonNumber ? node.text : '';
    const isInteger = /^-?[0-9]{1,20}$/.test(text) && text !== '-0' && BigInt(text) >= min && BigInt(text) <= max;
    if (!isInteger) throw new FieldError(path, `must be ${kind}`);
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER));
  };
}

/** A reader of arrays whose elements `read` understands. */
export function listReader<Value>(
  read: (node: JsonNode, path: string) => Value,
): (node: JsonNode, path: string) => Value[] {
  return (node, path) => {
    if (!Array.isArray(node)) throw new FieldError(path, 'must be an array');
    return node.map((element, index) => read(element, `${path}[${index}]`));
  };
}

export const readTexts = listReader(readText);

/** Drops the keys whose value is undefined, so that absent stays absent. */
export function compact<Value extends object>(value: { [Key in keyof Value]: Value[Key] | undefined }): Value {
  const kept: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) if (member !== undefined) kept[key] = member;
  return kept as Value;
}
