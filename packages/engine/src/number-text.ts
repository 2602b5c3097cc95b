/** The two ways in which the reference turns numbers into text. */

/** Shortest digits that read back the same, never with an exponent: 1e21 is `1000000000000000000000`. */
export function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  if (!text.includes('e')) return text;
  const { sign, digits, point } = decompose(value);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits}${'0'.repeat(point - digits.length)}`;
}

/** A float inside JSON text: always with a point or an exponent, `1.0`, `1.5`, `1e21`, `1.5e-7`. */
export function floatJsonText(value: number): string {
  const { sign, digits, point } = decompose(value);
  const length = digits.length;
  if (length <= point && point <= 16) return `${sign}${digits}${'0'.repeat(point - length)}.0`;
  if (point > 0 && point <= 16) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  if (point > -5 && point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  const tail = length === 1 ? '' : `.${digits.slice(1)}`;
  return `${sign}${digits[0] ?? ''}${tail}e${point - 1}`;
}

const integerSyntax = /^-?[0-9]+$/;

/** A number of a document, as the reference writes it back: `1.50` is `1.5`, `1e2` is `100.0`, `7` is `7`. */
export function canonicalNumberText(text: string): string {
  if (integerSyntax.test(text) && text !== '-0') {
    const value = Number(text);
    if (Number.isSafeInteger(value)) return text;
    const exact = BigInt(text);
    if (exact >= -(2n ** 63n) && exact < 2n ** 64n) return text;
  }
  const value = Number(text);
  return Number.isFinite(value) ? floatJsonText(value) : text;
}

/** value = sign 0.digits × 10^point, with the fewest digits. */
function decompose(value: number): { sign: string; digits: string; point: number } {
  const [mantissa = '', exponent = '0'] = Math.abs(value).toExponential().split('e');
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return { sign, digits: mantissa.replace('.', ''), point: Number(exponent) + 1 };
}
