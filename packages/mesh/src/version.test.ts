import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { version } from './version.js';

describe('version', () => {
  it('is that of the whole repository', () => {
    const root = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    assert.equal(version, root.version);
    assert.match(version, /^\d+\.\d+\.\d+/);
  });
});
