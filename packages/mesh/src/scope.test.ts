import assert from 'node:assert/strict';
import { Scope } from './scope.js';

describe('Scope', () => {
  it('releases in reverse order of acquisition', async () => {
    const released: string[] = [];
    const scope = new Scope();
    for (const name of ['first', 'second', 'third']) scope.push(name, () => void released.push(name));
    assert.deepEqual(await scope.close(), []);
    assert.deepEqual(released, ['third', 'second', 'first']);
  });

  it('names what failed or hung, and releases the rest', async () => {
    const released: string[] = [];
    const scope = new Scope();
    scope.push('good', () => void released.push('good'));
    scope.push('hangs', () => new Promise(() => undefined));
    scope.push('throws', () => {
      throw new Error('broken');
    });
    assert.deepEqual(await scope.close(60), ['throws', 'hangs']);
    assert.deepEqual(released, ['good']);
  });

  it('releases once, however often it is closed', async () => {
    let count = 0;
    const scope = new Scope();
    scope.push('counted', () => void count++);
    await Promise.all([scope.close(), scope.close()]);
    assert.equal(count, 1);
  });
});
