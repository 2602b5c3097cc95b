import { execute } from './execute.js';
import { sluiceCommand } from './services.js';

const timeoutMs = 60_000;

/** Runs the public command line as a person would. @returns what it printed. @throws Error with what it complained. */
export function runSluice(contextFile: string, args: readonly string[]): Promise<string> {
  return execute(process.execPath, [sluiceCommand, ...args], {
    timeout: timeoutMs,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, SLUICE_CONTEXT: contextFile },
  });
}
