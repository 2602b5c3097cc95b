import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isOrphan, nameOf, nobody, ownProcess, readName, silentAfterMs } from './folder-owner.js';

const sourceId = '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d';

describe('the owner of a folder', () => {
  const own = ownProcess();

  it('reads as it was written, and names of others are not taken for one', () => {
    for (const owner of [own, nobody]) assert.deepEqual(readName(nameOf(sourceId, owner)), { sourceId, owner });
    for (const name of ['', 'lost+found', `${sourceId}.damaged`, sourceId, `${sourceId}_1_2`, `x_1_2_3`]) {
      assert.equal(readName(name), undefined, name);
    }
  });

  it('is there while its process runs, also when that is frozen', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const { pid = 0 } = child;
    const owner = { ...own, pid, startTicks: '0' };
    assert.equal(isOrphan(own, own, silentAfterMs * 10), false);
    assert.equal(isOrphan(owner, own, 0), false);
    child.kill('SIGSTOP');
    assert.equal(isOrphan(owner, own, silentAfterMs * 10), false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(isOrphan(owner, own, 0), true);
  });

  it('is gone when another process has its number now', () => {
    if (own.startTicks === '0') return;
    assert.equal(isOrphan({ ...own, startTicks: '1' }, own, 0), true);
  });

  it('is judged by its silence when it runs elsewhere, and nobody is nowhere', () => {
    const elsewhere = { ...own, space: 'elsewhere' };
    assert.equal(isOrphan(elsewhere, own, silentAfterMs - 1), false);
    assert.equal(isOrphan(elsewhere, own, silentAfterMs + 1), true);
    assert.equal(isOrphan(nobody, own, 0), true);
  });
});
