import { stripVTControlCharacters } from 'node:util';
import type { Style } from './style.js';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Aligned columns without borders, two spaces apart; no space at line ends. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: Pick<Style, 'faint'>,
): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(...[title, ...rows.map((row) => row[index] ?? '')].map(width)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => pad(cells[index] ?? '', widths[index] ?? 0, align))
      .join('  ')
      .trimEnd();
  return [columns.map(({ title }) => style.faint(title)), ...rows].map(line).join('\n');
}

function pad(text: string, to: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(to - width(text), 0));
  return align === 'right' ? space + text : text + space;
}

/** Names and values, one pair on a line. */
export function formatFields(fields: readonly (readonly [string, string])[], style: Pick<Style, 'faint'>): string {
  const widest = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `  ${style.faint(name.padEnd(widest))}  ${value}`).join('\n');
}

/** Columns that a text takes; wide characters are rare here and count as one. */
function width(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
