import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldersIn } from './paths.js';
import { identify } from './proc.js';
import type { Check } from './process-spec.js';
import { readHalted, startRegion, stopRegion } from './region-control.js';
import { type RunningProcess, writeRun } from './run-file.js';

const silent = (): void => undefined;

function running(name: string, region: string, pid: number, check: Check): RunningProcess {
  const id = identify(pid);
  assert(id, `${name} does not run`);
  const spec = {
    ...{ name, region, service: 'evaluation', command: process.execPath, args: [], env: {}, address: '', ports: [] },
    ...{ check, stopSignal: 'SIGTERM' as const, fingerprint: '' },
  };
  return { spec, id, hash: '', startedAt: 0, restarts: 0 };
}

describe('the regions of a stack', () => {
  const folders = foldersIn(mkdtempSync(join(tmpdir(), 'sluice-regions-')));
  const server = createServer((_, response) => response.end());
  const children: ChildProcess[] = [];
  let check: Check;

  /** A process that does nothing, until it is killed. */
  const launch = async (): Promise<number> => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1_000)'], { stdio: 'ignore' });
    children.push(child);
    await once(child, 'spawn');
    return child.pid ?? 0;
  };

  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    check = { kind: 'http', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    const [us, eu] = [await launch(), await launch()];
    const processes = [running('us-evaluation-1', 'us', us, check), running('eu-evaluation-1', 'eu', eu, check)];
    await writeRun(folders.root, { processes, supervisor: identify(process.pid) });
  });

  after(() => {
    for (const child of children) child.kill('SIGKILL');
    server.close();
    rmSync(folders.root, { recursive: true });
  });

  it('are killed one by one, and stay down', async () => {
    const [us, eu] = children;
    assert(us && eu);
    const ended = once(eu, 'exit');
    const said: string[] = [];
    await stopRegion('eu', (line) => said.push(line), folders);
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    assert.deepEqual(readHalted(folders.root), ['eu']);
    assert.match(said.join(), /^Region eu is down: 1 processes killed.*sluice region start eu$/);
    assert.equal(us.exitCode ?? us.signalCode, null);
  });

  it('come back when they may, and are awaited', async () => {
    const eu = running('eu-evaluation-1', 'eu', await launch(), check);
    const us = running('us-evaluation-1', 'us', children[0]?.pid ?? 0, check);
    await writeRun(folders.root, { processes: [us, eu], supervisor: identify(process.pid) });
    const said: string[] = [];
    await startRegion('eu', (line) => said.push(line), folders);
    assert.deepEqual(readHalted(folders.root), []);
    assert.match(said.join(), /^Region eu is up again, after \d+\.\d s\.$/);
  });

  it('are named when there is none of the name, and when nothing is up', async () => {
    await assert.rejects(stopRegion('ap', silent, folders), /There is no region "ap" here; there are: us, eu\./);
    assert.deepEqual(readHalted(folders.root), []);
    await writeRun(folders.root, { processes: [], supervisor: undefined });
    await assert.rejects(startRegion('eu', silent, folders), /This stack is not up.*make up REGIONS=us,eu/);
  });
});
