import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The tests that state goals in time: in `make test` they only have to come true. */
const tests = [
  'authority-replicas',
  'cut-stream',
  'discovery',
  'frozen-evaluator',
  'sdk',
  'stream-drain',
  'stream-mesh',
];

/** Tells the stories of those tests once more, with every goal as it is stated. */
export async function drillGoals(): Promise<boolean> {
  const files = tests.map((name) => fileURLToPath(new URL(`${name}.test.js`, import.meta.url)));
  const mocha = spawn('mocha', files, { stdio: 'inherit', env: { ...process.env, SLUICE_GOALS: 'strict' } });
  const [code] = await once(mocha, 'exit');
  return code === 0;
}
