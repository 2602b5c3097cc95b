import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./test/lifecycle-child.js', import.meta.url));

interface End {
  readonly code: number | null;
  readonly lines: string[];
  readonly complaints: string;
}

/** Lives a process's life; the signal is sent once it says that it started. */
async function live(life: string, signal?: NodeJS.Signals): Promise<End> {
  const child = spawn(process.execPath, [program, life], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 });
  let said = '';
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  child.stdout.on('data', (chunk) => {
    const isNews = !said.includes('started\n');
    said += chunk;
    if (signal && isNews && said.includes('started\n')) child.kill(signal);
  });
  const [code] = await once(child, 'close');
  return { code, lines: said.trim().split('\n'), complaints };
}

describe('the life of a process', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} releases in reverse and ends it well`, async () => {
      const end = await live('serves', signal);
      assert.deepEqual(end.lines, ['started', 'released second', 'released first']);
      assert.equal(end.complaints, '');
      assert.equal(end.code, 0);
    });
  }

  it('says which settings are missing, in plain sentences, and exits 1', async () => {
    const end = await live('lacks settings');
    assert.match(end.complaints, /^MESH_KEY_FILE is not set\.$/m);
    assert.doesNotMatch(end.complaints, /\bat .*:\d+/, 'a stack helps nobody here');
    assert.equal(end.code, 1);
  });

  it('says why it could not start, releases what it held, and exits 1', async () => {
    const end = await live('has no database');
    assert.match(end.complaints, /^could not start: Error: no database/);
    assert.deepEqual(end.lines, ['released second', 'released first']);
    assert.equal(end.code, 1);
  });

  it('names what did not stop, and releases the rest', async () => {
    const end = await live('has a release that fails', 'SIGTERM');
    assert.match(end.complaints, /did not stop in time: the stubborn one/);
    assert.deepEqual(end.lines, ['started', 'released second', 'released first']);
    assert.equal(end.code, 0);
  });

  it('names what keeps it alive, and ends all the same', async () => {
    const end = await live('holds something for ever', 'SIGTERM');
    assert.match(end.complaints, /still held at exit: .*Timeout/);
    assert.equal(end.code, 0);
  });
});
