import { SluiceError } from '@sluice/mesh';
import { exitCodeOf, exitCodes } from './exit-code.js';

/** What to do, where the server could not know it. */
const hints: Partial<Record<SluiceError['kind'], string>> = {
  unavailable: 'Is the mesh up? `sluice mesh` and `make status` say how it is, `make up` starts it.',
  deadline: 'Try again, or wait longer with --timeout.',
};

/** The lines for standard error, each `error: <field>: what, and what to do`. */
export function failureLines(error: unknown, isVerbose: boolean): string[] {
  const lines = messageOf(error)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `error: ${line}`);
  const hint = error instanceof SluiceError ? hints[error.kind] : undefined;
  const stack = isVerbose && exitCodeOf(error) === exitCodes.unexpected ? stackOf(error) : [];
  return [...lines, ...(hint ? [hint] : []), ...stack];
}

function messageOf(error: unknown): string {
  if (error instanceof SluiceError && error.kind === 'unavailable') return `unavailable: ${error.message}`;
  if (error instanceof SluiceError && error.kind === 'deadline') return `deadline: ${error.message}`;
  if (error instanceof SluiceError && (error.kind === 'unauthenticated' || error.kind === 'forbidden')) {
    return `key: ${error.message}`;
  }
  if (exitCodeOf(error) === exitCodes.unexpected) {
    const text = error instanceof Error ? error.message : String(error);
    return `unexpected: ${text} (SLUICE_DEBUG=1 shows more)`;
  }
  return (error as Error).message;
}

function stackOf(error: unknown): string[] {
  return error instanceof Error && error.stack ? [error.stack] : [];
}
