/**
 * JSON with the spelling of its numbers kept. `1.0` and `1` are different texts to list targets,
 * and integers beyond 2^53 must survive, so `JSON.parse` will not do for documents.
 */

/** A number, spelled as authored. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A value below the deepest level that is read, as compact text. */
export class DeepJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The members of an object that has some keys more than once. */
export class RepeatingMembers extends Map<string, JsonNode> {
  readonly repeated = new Set<string>();
}

/** Parsed JSON. Objects are maps, so that a key called `__proto__` is just a key; the last duplicate wins. */
export type JsonNode = string | boolean | null | JsonNumber | DeepJson | JsonNode[] | Map<string, JsonNode>;

/** Levels of objects and arrays that a value may have, as in the reference: recursion over values stays bounded. */
export const nestingMax = 127;

/** Text that is not JSON, or is nested too deeply. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

/**
 * Parses JSON text in time linear in its length, as strictly as the reference reads a value: no deep
 * nesting, no lone surrogates, no numbers that are infinite. Throws `JsonSyntaxError`.
 */
export function readJson(text: string): JsonNode {
  const node = readAnyJson(text);
  const flaw = flawOf(node);
  if (flaw !== undefined) throw new JsonSyntaxError(flaw);
  return node;
}

/** The same for whatever is well-formed. Throws `JsonSyntaxError`. */
export function readAnyJson(text: string): JsonNode {
  const reader = new Reader(text);
  const node = reader.readValue(0);
  reader.skipSpace();
  if (reader.at < text.length) reader.fail('more text after the end');
  return node;
}

/** Whether a text is JSON, readable or not. */
export function isWellFormed(text: string | undefined): boolean {
  try {
    return text === undefined || readAnyJson(text) !== undefined;
  } catch {
    return false;
  }
}

/** The well-formed value that a text begins with; what comes behind it is not looked at. Throws `JsonSyntaxError`. */
export function readFirstJson(text: string): JsonNode {
  return new Reader(text).readValue(0);
}

/** What keeps the reference from reading a value; undefined where nothing does. */
export function flawOf(node: JsonNode): string | undefined {
  if (typeof node === 'string') return node.isWellFormed() ? undefined : 'half of a surrogate pair';
  if (node instanceof JsonNumber) return isInfinite(node.text) ? `the number ${node.text} is out of range` : undefined;
  if (node instanceof DeepJson) return `nested more than ${nestingMax} levels deep`;
  if (typeof node !== 'object' || node === null) return undefined;
  if (Array.isArray(node)) {
    for (const element of node) {
      const flaw = flawOf(element);
      if (flaw !== undefined) return flaw;
    }
    return undefined;
  }
  for (const [key, member] of node) {
    const flaw = flawOf(key) ?? flawOf(member);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

/** Most numbers are too short for that. */
function isInfinite(text: string): boolean {
  return (text.length > 300 || /[eE]/.test(text)) && !Number.isFinite(Number(text));
}

/** Compact JSON text of a node; numbers are spelled as authored unless `spell` says otherwise. */
export function writeJson(node: JsonNode, spell: (text: string) => string = asAuthored): string {
  if (node === null || typeof node === 'boolean') return String(node);
  if (typeof node === 'string') return JSON.stringify(node);
  if (node instanceof JsonNumber) return spell(node.text);
  if (node instanceof DeepJson) return node.text;
  const parts: string[] = [];
  if (Array.isArray(node)) {
    for (const element of node) parts.push(writeJson(element, spell));
    return `[${parts.join(',')}]`;
  }
  for (const [key, value] of node) parts.push(`${JSON.stringify(key)}:${writeJson(value, spell)}`);
  return `{${parts.join(',')}}`;
}

const asAuthored = (text: string): string => text;

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** V8 keeps slices of at least this length as views that would pin the whole document in memory. */
const sliceCopyLength = 13;

class Reader {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fail(message: string): never {
    throw new JsonSyntaxError(`${message} at character ${this.at}`);
  }

  skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  /** A value inside so many others. */
  readValue(depth: number): JsonNode {
    this.skipSpace();
    const mark = this.#text[this.at];
    if (mark !== '{' && mark !== '[') return this.#readScalar();
    if (depth >= nestingMax) return this.#readDeep();
    return mark === '{' ? this.#readObject(depth + 1) : this.#readArray(depth + 1);
  }

  #readScalar(): string | boolean | null | JsonNumber {
    switch (this.#text[this.at]) {
      case '"':
        return this.#readString();
      case 't':
        return this.#readWord('true', true);
      case 'f':
        return this.#readWord('false', false);
      case 'n':
        return this.#readWord('null', null);
      default:
        return this.#readNumber();
    }
  }

  #readWord<Value>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.at)) this.fail('not JSON');
    this.at += word.length;
    return value;
  }

  #readNumber(): JsonNumber {
    numberPattern.lastIndex = this.at;
    const match = numberPattern.exec(this.#text);
    if (match === null) this.fail(this.at < this.#text.length ? 'not JSON' : 'unexpected end');
    this.at += match[0].length;
    return new JsonNumber(match[0]);
  }

  #readString(): string {
    const text = this.#text;
    const start = ++this.at;
    let isPlain = true;
    for (;;) {
      const code = text.charCodeAt(this.at);
      if (code === 0x22) break;
      // NaN, at the end of the text, fails this comparison too.
      if (!(code >= 0x20)) this.fail('unfinished string');
      if (code === 0x5c) {
        isPlain = false;
        this.at++;
      }
      this.at++;
    }
    const end = this.at++;
    if (isPlain && end - start < sliceCopyLength) return text.slice(start, end);
    try {
      return JSON.parse(text.slice(start - 1, end + 1));
    } catch {
      return this.fail('bad escape in the string that ends');
    }
  }

  /** Without recursion, as it may be nested without end. */
  #readDeep(): DeepJson {
    const parts: string[] = [];
    /** Marks that still have to come. */
    const closes: string[] = [];
    do {
      this.skipSpace();
      const mark = this.#text[this.at];
      const close = mark === '{' ? '}' : mark === '[' ? ']' : undefined;
      if (close === undefined) parts.push(writeJson(this.#readScalar()));
      else {
        parts.push(mark ?? '');
        closes.push(close);
        this.#enter();
        if (this.#text[this.at] !== close) {
          parts.push(this.#readDeepKey(close));
          continue;
        }
        this.at++;
        parts.push(closes.pop() ?? '');
      }
      this.#closeDeep(parts, closes);
    } while (closes.length > 0);
    return new DeepJson(parts.join(''));
  }

  /** Behind a value: up to where the next one begins. */
  #closeDeep(parts: string[], closes: string[]): void {
    for (let close = closes.at(-1); close !== undefined; close = closes.at(-1)) {
      if (this.#hasNext(close)) {
        parts.push(',', this.#readDeepKey(close));
        return;
      }
      parts.push(closes.pop() ?? '');
    }
  }

  /** Arrays have none. */
  #readDeepKey(close: string): string {
    return close === '}' ? `${JSON.stringify(this.#readKey())}:` : '';
  }

  #enter(): void {
    this.at++;
    this.skipSpace();
  }

  /** A key with its colon. */
  #readKey(): string {
    this.skipSpace();
    if (this.#text[this.at] !== '"') this.fail('expected a key');
    const key = this.#readString();
    this.skipSpace();
    if (this.#text[this.at] !== ':') this.fail('expected :');
    this.at++;
    return key;
  }

  /** After an element: true when another follows. */
  #hasNext(close: string): boolean {
    this.skipSpace();
    const mark = this.#text[this.at];
    if (mark !== ',' && mark !== close) this.fail(`expected , or ${close}`);
    this.at++;
    return mark === ',';
  }

  #readArray(depth: number): JsonNode[] {
    const elements: JsonNode[] = [];
    this.#enter();
    if (this.#text[this.at] === ']') {
      this.at++;
      return elements;
    }
    do elements.push(this.readValue(depth));
    while (this.#hasNext(']'));
    return elements;
  }

  #readObject(depth: number): Map<string, JsonNode> {
    let members = new Map<string, JsonNode>();
    let repeated: Set<string> | undefined;
    let count = 0;
    this.#enter();
    if (this.#text[this.at] === '}') {
      this.at++;
      return members;
    }
    do {
      const key = this.#readKey();
      members.set(key, this.readValue(depth));
      if (members.size === ++count) continue;
      count--;
      if (repeated === undefined) {
        const repeating: RepeatingMembers = new RepeatingMembers(members);
        repeated = repeating.repeated;
        members = repeating;
      }
      repeated.add(key);
    } while (this.#hasNext('}'));
    return members;
  }
}
