import { findPostgres } from './postgres-binaries.js';
import type { Print } from './print.js';
import { findConsul, findNatsServer } from './server-binaries.js';

/**
 * Makes sure that the server programs are on this machine, so that nothing is fetched while
 * somebody waits for a server to start.
 * @throws StackProblem saying what to install by hand.
 */
export async function provide(print: Print): Promise<number> {
  const started = performance.now();
  await Promise.all([findNatsServer(), findConsul(), findPostgres()]);
  const seconds = (performance.now() - started) / 1000;
  if (seconds > 3) print(`Server programs are ready, after ${seconds.toFixed(0)} s.`);
  return 0;
}
