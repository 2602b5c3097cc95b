import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { digestOf } from '@sluice/mesh';
import { key, TestMesh } from './test/mesh.js';
import { configEntity, experimentEntity, gateEntity, keyEntity, layerEntity } from './test/model.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [start = '', ...others] = Array.from(readme.matchAll(/```ts\n([\s\S]*?)```/g), ([, block = '']) => block);

describe('the README of the SDK', () => {
  let mesh: TestMesh;
  let folder: string;

  before(async () => {
    mesh = await new TestMesh().start();
    mesh.model.commit([
      ...[gateEntity('express-checkout', 100), gateEntity('gate', 100), keyEntity(digestOf(key))],
      ...[configEntity('search-ranking', { boost: 2 }), experimentEntity('checkout-steps', { steps: 2 }, ['steps'])],
      layerEntity('checkout', { steps: 4 }, 'checkout-steps'),
    ]);
    folder = await mkdtemp(join(tmpdir(), 'sluice-readme-'));
  });

  after(async () => {
    await mesh.stop();
    await rm(folder, { recursive: true });
  });

  /** Runs a program of the page against the mesh of the test. @returns what it prints. */
  async function run(program: string): Promise<string> {
    // Inside of the package, so that the imports are found.
    const file = fileURLToPath(new URL(`./readme-sample-${process.pid}.mts`, import.meta.url));
    const targets = `target: '${mesh.target}', ingestionTarget: '${mesh.target}'`;
    const placed = program.replaceAll("target: 'consul:///evaluation'", targets).replace('/var/lib/shop', folder);
    await writeFile(file, placed);
    try {
      const env = { ...process.env, SLUICE_KEY: key };
      return (await promisify(execFile)(process.execPath, [file], { env, timeout: 20_000 })).stdout;
    } finally {
      await rm(file);
    }
  }

  it('has a start of six statements that works', async () => {
    assert.equal(start.match(/;( \/\/.*)?$/gm)?.length, 6);
    assert.equal((await run(start)).trim(), 'true');
    assert.deepEqual(mesh.events.map(({ name }) => name).sort(), ['exposure', 'order-paid']);
  }).timeout(30_000);

  it('has samples that work, whatever else is asked', async () => {
    const isImport = (line: string): boolean => line.startsWith('import ');
    const lines = others.map((block) => block.split('\n'));
    const program = [
      `import { Sluice } from '@sluice/sdk';`,
      ...lines.flatMap((block) => block.filter(isImport)),
      `const sluice = new Sluice({ key: process.env.SLUICE_KEY ?? '', target: 'consul:///evaluation' });`,
      `const user = { userID: 'ada' };`,
      'await sluice.ready();',
      ...lines.flatMap((block) => ['{', ...block.filter((line) => !isImport(line)), '}']),
      `console.log(sluice.kindOf('search-ranking'), sluice.books().generated > 0);`,
      'await sluice.close();',
    ];
    assert.equal((await run(program.join('\n'))).trim(), 'config true');
  }).timeout(30_000);

  it('tells of every option', () => {
    const sources = ['options', 'remote-sluice', 'openfeature'].map((name) =>
      readFileSync(new URL(`../src/${name}.ts`, import.meta.url), 'utf8'),
    );
    const bodies = sources.flatMap((source) =>
      Array.from(source.matchAll(/export interface (?:\w*Options)\b[^{]*\{\n([\s\S]*?)\n\}/g), ([, body = '']) => body),
    );
    const options = bodies.flatMap((body) =>
      Array.from(body.matchAll(/^ {2}readonly (\w+)\??:/gm), ([, name]) => name),
    );
    assert(options.length > 20, options.join());
    for (const option of options)
      assert.match(readme, new RegExp(`^\\|.*\`${option}\`.*\\|`, 'm'), `no word of ${option}`);
  });
});
