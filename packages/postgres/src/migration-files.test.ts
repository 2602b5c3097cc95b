import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readMigrations } from './migration-files.js';

async function withFiles(files: Readonly<Record<string, string>>, use: (folder: URL) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    await use(pathToFileURL(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('migration files', () => {
  it('come in the order of their numbers, without the dump beside them', async () => {
    const files = { '000002_more.sql': 'b', '000001_first.sql': 'a', 'schema.sql': 'all', 'notes.md': 'x' };
    await withFiles(files, async (folder) => {
      const migrations = await readMigrations(folder);
      assert.deepEqual(
        migrations.map(({ number, name, sql }) => [number, name, sql]),
        [
          [1, '000001_first', 'a'],
          [2, '000002_more', 'b'],
        ],
      );
    });
  });

  it('are breaking when a line of its own says so, and not when prose does', async () => {
    const files = { '000001_a.sql': '-- breaking\ndrop table t;', '000002_b.sql': '-- breaking news: none\nselect 1;' };
    await withFiles(files, async (folder) => {
      const migrations = await readMigrations(folder);
      assert.deepEqual(
        migrations.map(({ isBreaking }) => isBreaking),
        [true, false],
      );
    });
  });

  const refused: [string, Readonly<Record<string, string>>, RegExp][] = [
    ['a gap', { '000001_a.sql': '', '000003_c.sql': '' }, /000003_c\.sql follows number 1/],
    ['a number used twice', { '000001_a.sql': '', '000001_b.sql': '' }, /000001_b\.sql follows number 1/],
    ['a name without a number', { 'first.sql': '' }, /first\.sql is not named like/],
  ];
  for (const [what, files, message] of refused) {
    it(`refuses ${what}`, () => withFiles(files, (folder) => assert.rejects(readMigrations(folder), message)));
  }
});
