/** Finds the first `1.2.3` in what a program prints about itself. */
export function readVersion(text: string): string | undefined {
  return /(\d+\.\d+(?:\.\d+)*)/.exec(text)?.[1];
}

/** Is `version` at least `wanted`? Compares dotted numbers; missing parts count as 0. */
export function isAtLeast(version: string, wanted: string): boolean {
  const have = version.split('.').map(Number);
  const need = wanted.split('.').map(Number);
  for (let i = 0; i < Math.max(have.length, need.length); i += 1) {
    const difference = (have[i] ?? 0) - (need[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
