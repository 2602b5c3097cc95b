/** Version texts such as `2.10.1-beta`: what follows the first `-` does not count. */

const partPattern = /^[+-]?[0-9]{1,400}$/;
/** Parts are signed 128-bit integers; a minus never gets this far. */
const partMax = 2n ** 127n - 1n;

/**
 * Sign of left − right, or undefined when a part that is not an integer is reached before the
 * texts differ. Missing parts are 0.
 */
export function compareVersions(left: string, right: string): number | undefined {
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
  const left = leftText.trim();
  const right = rightText.trim();
  if (!partPattern.test(left) || !partPattern.test(right)) return undefined;
  if (left.length < 16 && right.length < 16) return Math.sign(Number(left) - Number(right));
  const exactLeft = BigInt(left.replace('+', ''));
  const exactRight = BigInt(right.replace('+', ''));
  if (exactLeft > partMax || exactRight > partMax) return undefined;
  return exactLeft < exactRight ? -1 : exactLeft > exactRight ? 1 : 0;
}
