import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkLibraries } from './postgres-binaries.js';

describe('the binaries of PostgreSQL', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'sluice-links-'));
    mkdirSync(join(home, 'native/lib'), { recursive: true });
    writeFileSync(join(home, 'native/lib/libpq.so.5.18'), 'library');
    const links = ['libpq.so', 'libpq.so.5'].map((name) => ({
      source: 'native/lib/libpq.so.5.18',
      target: `native/lib/${name}`,
    }));
    writeFileSync(join(home, 'native/pg-symlinks.json'), JSON.stringify(links));
  });
  afterEach(() => rmSync(home, { recursive: true }));

  it('get the links that an install without scripts leaves out', async () => {
    await linkLibraries(home);
    assert.equal(readlinkSync(join(home, 'native/lib/libpq.so.5')), 'libpq.so.5.18');
    assert.equal(readFileSync(join(home, 'native/lib/libpq.so'), 'utf8'), 'library');
  });

  it('keep the links that they have', async () => {
    symlinkSync('./libpq.so.5.18', join(home, 'native/lib/libpq.so'));
    await linkLibraries(home);
    await linkLibraries(home);
    assert.equal(readlinkSync(join(home, 'native/lib/libpq.so')), './libpq.so.5.18');
  });
});
