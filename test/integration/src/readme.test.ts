import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

interface Shown {
  readonly command: string;
  readonly output: string;
}

/** The commands of the `console` blocks, each with the output that the page shows. */
function shownCommands(): Shown[] {
  const blocks = Array.from(readme.matchAll(/```console\n([\s\S]*?)```/g), ([, text = '']) => text);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .filter(Boolean)
      .map((part) => {
        const [command = '', ...lines] = part.split('\n');
        return { command, output: lines.join('\n') };
      }),
  );
}

/** What may differ from run to run becomes one sign: ids, figures and the widths that follow from them. */
function stable(output: string): string {
  return output
    .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'ID')
    .replace(/\d+(\.\d+)? (ms|s|min)\b/g, 'TIME')
    .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replace(/\d+ %/g, 'LOAD')
    .replace(/ +/g, ' ')
    .replace(/ $/gm, '')
    .trim();
}

function words(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '');
}

/** Runs a program of the page against the mesh. @returns what it prints. */
async function runSample(text: string, mesh: TestMesh, key: string): Promise<string> {
  // Inside of the checkout, so that the imports are found.
  const file = fileURLToPath(new URL(`./readme-sample-${process.pid}.mts`, import.meta.url));
  await writeFile(file, text.replace('127.0.0.1:7400', mesh.consulAddr));
  try {
    const env = { ...process.env, SLUICE_KEY: key };
    const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 20_000 });
    return stdout;
  } finally {
    await rm(file);
  }
}

describe('README.md', () => {
  let mesh: TestMesh;
  let serverKey = '';

  before(async function () {
    this.timeout(60_000);
    mesh = await startMesh({ evaluators: 2 });
    const applied = await mesh.sluice('apply', `${root}examples/storefront.yaml`);
    assert.equal(applied.code, 0, applied.stderr);
    // As `make up` does: a key for backends and one for devices.
    for (const keyClass of ['server', 'client']) {
      const key = await mesh.sluice('key', 'create', '--class', keyClass, '--label', 'development', '--json');
      assert.equal(key.code, 0, key.stderr);
      if (keyClass === 'server') serverKey = (JSON.parse(key.stdout) as { secret: string }).secret;
    }
  });

  after(() => mesh?.stop());

  it('starts with the two commands', () => {
    const commands = Array.from(readme.matchAll(/^ {4}(make \w+)/gm), ([, command]) => command);
    assert.deepEqual(commands, ['make up', 'make test']);
    assert(readme.indexOf('make up') < 40);
  });

  it('names only targets that the Makefile has', () => {
    const makefile = readFileSync(`${root}Makefile`, 'utf8');
    for (const [, target] of readme.matchAll(/^ *make ([a-z]+)/gm)) {
      assert.match(makefile, new RegExp(`^${target}:`, 'm'), `make ${target} is in README.md and not in the Makefile`);
    }
  });

  for (const { command, output } of shownCommands()) {
    it(`shows what \`${command}\` prints`, async () => {
      const [npx, sluice, ...args] = words(command);
      assert.deepEqual([npx, sluice], ['npx', 'sluice']);
      // Counting takes a moment, and so does the first look of health: look until it is so.
      await eventually(async () => {
        const result = await mesh.sluice(...args);
        assert.equal(result.code, 0, result.stderr);
        assert.equal(stable(result.stdout), stable(output));
      });
    }).timeout(30_000);
  }

  it('has a program for backends that works', async () => {
    const [, program = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    const [, promised] = /console\.log\(.*\/\/ (.*)/.exec(program) ?? [];
    assert.equal((await runSample(program, mesh, serverKey)).trim(), promised);
  }).timeout(30_000);
});
