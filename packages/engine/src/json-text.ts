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

/** Parsed JSON. Objects are maps, so that a key called `__proto__` is just a key; the last duplicate wins. */
export type JsonNode = string | boolean | null | JsonNumber | JsonNode[] | Map<string, JsonNode>;

/** Deeper nesting than this is refused, as the reference does: recursion over documents stays bounded. */
export const nestingMax = 128;

/** Text that is not JSON, or is nested too deeply. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError';
}

/** Parses JSON text in time linear in its length. Throws `JsonSyntaxError`. */
export function readJson(text: string): JsonNode {
  const reader = new Reader(text);
  const node = reader.readValue(0);
  reader.skipSpace();
  if (reader.at < text.length) reader.fail('more text after the end');
  return node;
}

/** Compact JSON text of a node; numbers are spelled as authored unless `spell` says otherwise. */
export function writeJson(node: JsonNode, spell: (text: string) => string = asAuthored): string {
  if (node === null || typeof node === 'boolean') return String(node);
  if (typeof node === 'string') return JSON.stringify(node);
  if (node instanceof JsonNumber) return spell(node.text);
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

  readValue(depth: number): JsonNode {
    this.skipSpace();
    switch (this.#text[this.at]) {
      case '{':
        return this.#readObject(depth + 1);
      case '[':
        return this.#readArray(depth + 1);
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

  #enter(depth: number): void {
    if (depth > nestingMax) this.fail(`nested more than ${nestingMax} levels deep`);
    this.at++;
    this.skipSpace();
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
    this.#enter(depth);
    if (this.#text[this.at] === ']') {
      this.at++;
      return elements;
    }
    do elements.push(this.readValue(depth));
    while (this.#hasNext(']'));
    return elements;
  }

  #readObject(depth: number): Map<string, JsonNode> {
    const members = new Map<string, JsonNode>();
    this.#enter(depth);
    if (this.#text[this.at] === '}') {
      this.at++;
      return members;
    }
    do {
      this.skipSpace();
      if (this.#text[this.at] !== '"') this.fail('expected a key');
      const key = this.#readString();
      this.skipSpace();
      if (this.#text[this.at] !== ':') this.fail('expected :');
      this.at++;
      members.set(key, this.readValue(depth));
    } while (this.#hasNext('}'));
    return members;
  }
}
