/** Where JSON text stops being JSON, and what should have stood there. */
export interface JsonFault {
  /** Counted from 0. */
  readonly position: number;
  readonly expected: string;
}

class Fault extends Error {
  readonly fault: JsonFault;

  constructor(position: number, expected: string) {
    super(expected);
    this.fault = { position, expected };
  }
}

const depthMax = 500;

/** The first fault of a text that `JSON.parse` refuses: the engine's own message often lacks the place. */
export function findJsonFault(text: string): JsonFault {
  try {
    const end = skipSpace(text, scanValue(text, skipSpace(text, 0), 0));
    return { position: end, expected: 'the end of the text' };
  } catch (error) {
    if (error instanceof Fault) return error.fault;
    throw error;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at++;
  return at;
}

function scanValue(text: string, at: number, depth: number): number {
  if (depth > depthMax) throw new Fault(at, `at most ${depthMax} levels`);
  const first = text[at];
  if (first === '{') return scanList(text, at, '}', (from) => scanMember(text, from, depth));
  if (first === '[') return scanList(text, at, ']', (from) => scanValue(text, from, depth + 1));
  if (first === '"') return scanString(text, at);
  const literal = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
  literal.lastIndex = at;
  const match = literal.exec(text);
  if (!match) throw new Fault(at, first === "'" ? 'double quotes' : 'a JSON value');
  return at + match[0].length;
}

function scanMember(text: string, at: number, depth: number): number {
  if (text[at] !== '"') throw new Fault(at, 'a field name in double quotes');
  const colon = skipSpace(text, scanString(text, at));
  if (text[colon] !== ':') throw new Fault(colon, '":"');
  return scanValue(text, skipSpace(text, colon + 1), depth + 1);
}

/** Items between brackets with commas in between. */
function scanList(text: string, open: number, close: string, scanItem: (at: number) => number): number {
  let at = skipSpace(text, open + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    at = skipSpace(text, scanItem(at));
    if (text[at] === close) return at + 1;
    if (text[at] !== ',') throw new Fault(at, `"," or "${close}"`);
    at = skipSpace(text, at + 1);
  }
}

function scanString(text: string, open: number): number {
  let at = open + 1;
  for (;;) {
    const letter = text[at];
    if (letter === '"') return at + 1;
    if (letter === undefined || letter < ' ') throw new Fault(at, 'a closing double quote');
    at = letter === '\\' ? skipEscape(text, at) : at + 1;
  }
}

function skipEscape(text: string, at: number): number {
  const sequence = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;
  sequence.lastIndex = at;
  const match = sequence.exec(text);
  if (!match) throw new Fault(at, 'a valid escape such as \\n');
  return at + match[0].length;
}
