import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@sluice/mesh';
import { Disk } from './disk.js';
import { rawFrame } from './raw-frame.js';
import { applyFrame, emptyState } from './replica.js';
import { stateFileBytes } from './replica-file.js';
import { gateEntity, Model } from './test/model.js';

const name = 'demo@production.ruleset';

/** Truncations at every fiftieth of the file, and one flipped bit in every fiftieth, the header among them. */
function damages(good: Buffer): { how: string; bytes: Buffer }[] {
  const fiftieths = Array.from({ length: 50 }, (_, part) => Math.floor((good.length * part) / 50));
  const header = Array.from({ length: 48 }, (_, at) => at);
  return [
    ...fiftieths.map((at) => ({ how: `cut at ${at}`, bytes: good.subarray(0, at) })),
    ...[...header, ...fiftieths].map((at, round) => {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (round % 8));
      return { how: `bit ${round % 8} of byte ${at} flipped`, bytes };
    }),
  ];
}

describe('a damaged last-known-good file', () => {
  const model = new Model(undefined, '2025-b');
  model.commit(Array.from({ length: 200 }, (_, at) => gateEntity(`gate-${at}`, at % 100)));
  const outcome = applyFrame(emptyState(model.set), rawFrame(model.snapshot()));
  assert(outcome.kind === 'applied');
  const good = Buffer.from(stateFileBytes(outcome.state));
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-damage-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const load = () => new Disk({ directory, logger: silentLogger }).load();

  it('is set aside under another name and never served, wherever it is cut or flipped', async () => {
    for (const { how, bytes } of damages(good)) {
      await writeFile(join(directory, name), bytes);
      assert.deepEqual(await load(), [], how);
      assert.deepEqual(await readdir(directory), [`${name}.corrupt`], how);
      assert.deepEqual(await readFile(join(directory, `${name}.corrupt`)), bytes, how);
      // What was set aside is never looked at again.
      assert.deepEqual(await load(), [], how);
    }
  });

  it('is told from a whole one, and does not keep the next one from being written', async () => {
    await writeFile(join(directory, name), good.subarray(0, 100));
    assert.deepEqual(await load(), []);
    const disk = new Disk({ directory, logger: silentLogger, restMs: 1 });
    disk.save(outcome.state);
    await disk.close();
    const [found] = await load();
    assert.deepEqual([found?.state.revision, found?.state.lineage], [1, '2025-b']);
  });

  it('is gone when the process died while it wrote: drafts have another name until they are whole', async () => {
    await writeFile(join(directory, name), good);
    for (const part of [0, 1, 48, good.length - 1]) {
      await writeFile(join(directory, `${name}.${process.pid}.tmp`), good.subarray(0, part));
    }
    assert.equal((await load()).length, 1);
    assert.deepEqual(await readdir(directory), [name]);
  });
});
