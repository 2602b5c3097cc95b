import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@sluice/mesh';
import { StateFile } from './state-file.js';

describe('a state file', () => {
  let folder: string;
  const file = (name = 'deep/state.json') => new StateFile<{ n: number }>(join(folder, name), silentLogger);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('gives back what was saved, and nothing before', async () => {
    assert.equal(await file().load(), undefined);
    await file().save({ n: 1 });
    assert.deepEqual(await file().load(), { n: 1 });
    assert.deepEqual(readdirSync(join(folder, 'deep')), ['state.json']);
  });

  it('writes only the last of several values that wait', async () => {
    const state = file();
    for (let n = 0; n < 100; n++) void state.save({ n });
    await state.flushed();
    assert.deepEqual(await state.load(), { n: 99 });
  });

  it('starts anew when what is there can not be read, and leaves what was there when it can not write', async () => {
    writeFileSync(join(folder, 'broken.json'), '{"n":');
    assert.equal(await file('broken.json').load(), undefined);
    writeFileSync(join(folder, 'plain'), 'no folder');
    await file('plain/state.json').save({ n: 1 });
    assert.equal(readFileSync(join(folder, 'plain'), 'utf8'), 'no folder');
  });
});
