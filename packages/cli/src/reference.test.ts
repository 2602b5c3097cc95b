import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { processIo } from './io.js';
import { createProgram } from './program.js';
import { referencePage } from './reference.js';

describe('docs/cli.md', () => {
  const page = referencePage(createProgram(processIo()).program);

  it('is what the commands say of themselves', () => {
    const copy = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
    assert.equal(copy, page, 'run `make generate`');
  });

  it('has every command once, without the options that all of them have', () => {
    const titles = Array.from(page.matchAll(/^## (.*)$/gm), ([, title]) => title);
    assert.equal(new Set(titles).size, titles.length);
    for (const title of ['sluice apply', 'sluice gate create', 'sluice deadletters retry']) {
      assert.ok(titles.includes(title), title);
    }
    assert.equal(page.split('SLUICE_PROJECT)').length, 2);
  });
});
