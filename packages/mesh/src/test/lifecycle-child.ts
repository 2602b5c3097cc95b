/** A process with the life that `run` gives it; its argument says how it goes wrong. */
import { run } from '../lifecycle.js';
import { readMeshConfig } from '../mesh-config.js';
import type { Scope } from '../scope.js';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function serve(scope: Scope): Promise<void> {
  for (const name of ['first', 'second']) scope.push(name, () => say(`released ${name}`));
  const work = setInterval(() => undefined, 1_000);
  scope.push('work', () => clearInterval(work));
}

const lives: Record<string, (scope: Scope) => Promise<void>> = {
  serves: async (scope) => {
    await serve(scope);
    say('started');
  },
  'lacks settings': async () => void readMeshConfig('config', {}),
  'has no database': async (scope) => {
    await serve(scope);
    throw new Error('no database');
  },
  'has a release that fails': async (scope) => {
    await serve(scope);
    scope.push('the stubborn one', () => Promise.reject(new Error('no')));
    say('started');
  },
  'holds something for ever': async (scope) => {
    await serve(scope);
    setInterval(() => undefined, 1_000);
    say('started');
  },
};

const life = lives[process.argv[2] ?? ''];
if (!life) throw new Error(`unknown life ${process.argv[2]}`);
run(life);
