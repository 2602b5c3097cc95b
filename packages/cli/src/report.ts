import type { ExitCode } from './exit-code.js';
import type { Style } from './style.js';

/** What a command has to say: one document for programs, one text for people. */
export interface Report {
  readonly document: Readonly<Record<string, unknown>>;
  text(style: Style): string;
  /** Printed as it stands instead of both, for what other programs read; may be empty. */
  readonly output?: string;
  /** When the answer is complete, but not what was hoped for. */
  readonly exitCode?: ExitCode;
}

/** Keeps JSON text as it is spelled: `1.0` stays `1.0`, and large integers stay exact. */
export function rawJson(text: string): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON?: (text: string) => unknown };
  const isPrimitive = !/^\s*[[{]/.test(text);
  return isPrimitive && rawJSON ? rawJSON(text) : JSON.parse(text);
}
