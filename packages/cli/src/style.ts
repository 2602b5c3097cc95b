import pc from 'picocolors';
import type { Io } from './io.js';

/** How text is set off. Plain wherever nobody looks at it in a terminal. */
export interface Style {
  strong(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

export function styleFor(io: Pick<Io, 'env' | 'isTerminal'>): Style {
  const { bold, dim, green, red, yellow } = pc.createColors(
    io.isTerminal && (io.env.NO_COLOR ?? '') === '' && io.env.TERM !== 'dumb',
  );
  return { strong: bold, faint: dim, good: green, bad: red, warn: yellow };
}

export const plainStyle: Style = styleFor({ env: {}, isTerminal: false });
