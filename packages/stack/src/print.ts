import pc from 'picocolors';

/** Where lines for a person go. */
export type Print = (line: string) => void;

export const printLine: Print = (line) => {
  process.stdout.write(`${line}\n`);
};

/** Rows in aligned columns, two spaces apart. The first row is the heading. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** One aligned line for something that was done: `  consul            ready       1.9 s`. */
export function formatStep(name: string, outcome: string, ms?: number): string {
  const time = ms === undefined ? '' : formatSeconds(ms).padStart(7);
  return `  ${name.padEnd(17)} ${outcome.padEnd(10)}${time}`.trimEnd();
}

export const quiet = (text: string): string => pc.dim(text);
export const strong = (text: string): string => pc.bold(text);
export const bad = (text: string): string => pc.red(text);
