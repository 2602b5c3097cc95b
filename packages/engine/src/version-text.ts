/** Version texts such as `2.10.1-beta`: what follows the first `-` does not count. */

/** White space around, a sign, zeros, and no more digits than such an integer has. */
const partPattern = /^\p{White_Space}*\+?0*([0-9]{1,39})\p{White_Space}*$/u;
/** Parts are signed 128-bit integers; a minus never gets this far. */
const partMax = 2n ** 127n - 1n;

/**
 * Sign of left − right, or undefined when a part that is not an integer is reached before the
 * texts differ. Missing parts are 0.
 */
export function compareVersions(left: string, right: string): number | undefined {
  return compareSimple(left, right) ?? compareAny(left, right);
}

/**
 * The usual case without a single allocation: digits and single dots only. Undefined when one of the texts is
 * anything else, or when a part is too long for this.
 */
function compareSimple(left: string, right: string): number | undefined {
  let order = 0;
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    const leftEnd = endOfPart(left, i);
    const rightEnd = endOfPart(right, j);
    if (leftEnd < 0 || rightEnd < 0) return undefined;
    if (order === 0) order = Math.sign(partAt(left, i, leftEnd) - partAt(right, j, rightEnd));
    i = leftEnd + 1;
    j = rightEnd + 1;
  }
  return left === '' || right === '' ? undefined : order;
}

const partLengthMax = 15;

/** Where the digits from here end: at a dot that more digits follow, or at the end; −1 when it is not that simple. */
function endOfPart(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x2e) break;
    if (code < 0x30 || code > 0x39) return -1;
    at++;
  }
  const isEmpty = at === from && from < text.length;
  return isEmpty || at - from > partLengthMax || at === text.length - 1 ? -1 : at;
}

/** Missing parts are 0. */
function partAt(text: string, from: number, end: number): number {
  let value = 0;
  for (let at = from; at < end; at++) value = value * 10 + text.charCodeAt(at) - 0x30;
  return value;
}

function compareAny(left: string, right: string): number | undefined {
  const lefts = parts(left);
  const rights = parts(right);
  const length = Math.max(lefts.length, rights.length);
  for (let i = 0; i < length; i++) {
    const order = compareParts(lefts[i] ?? '0', rights[i] ?? '0');
    if (order !== 0) return order;
  }
  return 0;
}

function parts(version: string): string[] {
  const mark = version.indexOf('-');
  return (mark < 0 ? version : version.slice(0, mark)).split('.');
}

function compareParts(leftText: string, rightText: string): number | undefined {
  const left = partPattern.exec(leftText)?.[1];
  const right = partPattern.exec(rightText)?.[1];
  if (left === undefined || right === undefined) return undefined;
  if (left.length < 16 && right.length < 16) return Math.sign(Number(left) - Number(right));
  const exactLeft = BigInt(left);
  const exactRight = BigInt(right);
  if (exactLeft > partMax || exactRight > partMax) return undefined;
  return exactLeft < exactRight ? -1 : exactLeft > exactRight ? 1 : 0;
}
