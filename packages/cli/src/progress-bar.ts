import { formatAge } from './words.js';

/** How far something has come. */
export interface Progress {
  readonly done: number;
  /** 0 when it is not known. */
  readonly total: number;
  /** What was done, in words. */
  readonly words: string;
  readonly elapsedMs: number;
}

const cells = 24;
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** One line, without its end: `▕██████▌   ▏ 27 %  1,200 events  8 s left`. */
export function progressLine({ done, total, words, elapsedMs }: Progress): string {
  if (total <= 0) return `${words}  ${formatAge(elapsedMs)}`;
  const part = Math.min(done / total, 1);
  const filled = Math.floor(part * cells * 8);
  const bar = `${'█'.repeat(filled >> 3)}${eighths[filled & 7] ?? ''}`.padEnd(cells);
  const left = part > 0 && part < 1 ? `  ${formatAge((elapsedMs / part) * (1 - part))} left` : '';
  return `▕${bar}▏ ${Math.floor(part * 100)} %  ${words}${left}`;
}
