import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { identify, isAlive } from '@sluice/stack';
import { eventually } from './eventually.js';

describe('the guardian', () => {
  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
    it(`ends servers and removes their data when the test process ends by ${signal}`, async () => {
      const orphaned = spawn(process.execPath, [fileURLToPath(new URL('orphan-fixture.js', import.meta.url))], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = (await once(createInterface({ input: orphaned.stdout }), 'line')) as [string];
      const [pid, folder = ''] = line.split(' ');
      const server = identify(Number(pid));
      assert(server, `no process ${pid}`);
      assert(existsSync(folder));
      orphaned.kill(signal);
      await eventually(() => assert.equal(isAlive(server), false, 'the server still runs'));
      await eventually(() => assert.equal(existsSync(folder), false, 'its data is still there'));
    });
  }
});
