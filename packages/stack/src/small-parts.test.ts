import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAccounts } from './account.js';
import { chooseSettings, readWishes } from './choose-settings.js';
import { archivesIn } from './debian.js';
import { withLock } from './lock.js';
import { lastLines, namesIn } from './logs.js';
import { formatStep, formatTable } from './print.js';
import { identify } from './proc.js';
import { hashOf, type ProcessSpec } from './process-spec.js';
import { isSupervised, type RunningProcess, readRun, withoutProcess, withProcess, writeRun } from './run-file.js';
import { newSettings, readSettings, writeSettings } from './settings.js';
import { stopLayers } from './stop-layers.js';
import { boundLog } from './supervise.js';
import { isAtLeast, readVersion } from './versions.js';

const spec: ProcessSpec = {
  name: 'nats',
  service: 'nats',
  command: 'nats-server',
  args: ['--config', 'nats.conf'],
  env: { B: '2', A: '1' },
  address: '127.0.0.1:7410',
  ports: [7_410],
  check: { kind: 'nats', address: '127.0.0.1:7411' },
  stopSignal: 'SIGTERM',
  fingerprint: 'one',
};

const running = (name: string, more: Partial<ProcessSpec> = {}): RunningProcess => ({
  spec: { ...spec, name, ...more },
  id: { pid: 1, startTime: '1' },
  hash: '',
  startedAt: 0,
  restarts: 0,
});

describe('versions', () => {
  it('are found in what programs say', () => {
    assert.equal(readVersion('nats-server: v2.10.27'), '2.10.27');
    assert.equal(readVersion('Consul v1.8.7\nProtocol 2 spoken'), '1.8.7');
    assert.equal(readVersion('unknown'), undefined);
  });

  it('compare as numbers', () => {
    assert(isAtLeast('2.10.27', '2.10'));
    assert(isAtLeast('2.10', '2.10.0'));
    assert(isAtLeast('3', '2.10'));
    assert(!isAtLeast('2.9.25', '2.10'));
  });
});

describe('archives of apt', () => {
  it('are the main ones, once, and never the security one', () => {
    const listing =
      'http://mirror/debian/ main\nhttp://mirror/debian/ main\nhttp://mirror/debian-security/ main\nhttp://other/ contrib\n\n';
    assert.deepEqual(archivesIn(listing), ['http://mirror/debian/']);
  });
});

describe('accounts', () => {
  it('are read from lines of passwd', () => {
    const text = 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/:/bin/false\n';
    assert.deepEqual(parseAccounts(text), [
      { name: 'root', uid: 0, gid: 0 },
      { name: 'nobody', uid: 65_534, gid: 65_533 },
    ]);
  });
});

describe('a process spec', () => {
  it('has a hash that changes with what it starts, and not with the order of its variables', () => {
    assert.equal(hashOf(spec), hashOf({ ...spec, env: { A: '1', B: '2' } }));
    for (const other of [{ env: { A: '1' } }, { fingerprint: 'two' }, { args: [] }, { command: 'x' }]) {
      assert.notEqual(hashOf(spec), hashOf({ ...spec, ...other }));
    }
  });
});

describe('printed lines', () => {
  it('are aligned', () => {
    const table = formatTable([
      ['service', 'health'],
      ['evaluation', 'healthy'],
      ['nats', ''],
    ]);
    assert.deepEqual(table, ['service     health', 'evaluation  healthy', 'nats']);
    assert.equal(formatStep('consul', 'ready', 1_940), '  consul            ready       1.9 s');
    assert.equal(formatStep('consul', 'stopped'), '  consul            stopped');
  });

  it('of logs are the last ones', () => {
    assert.deepEqual(lastLines('a\nb\nc\n', 2), ['b', 'c']);
    assert.deepEqual(lastLines('', 2), []);
    assert.deepEqual(namesIn(['nats.log', 'nats.log.1', 'consul.log']), ['consul', 'nats']);
  });
});

describe('stopping', () => {
  it('takes callers before those they call', () => {
    const grpc = { kind: 'grpc', address: '' } as const;
    const layers = stopLayers([
      running('nats'),
      running('config-1', { service: 'config', check: grpc }),
      running('health-1', { service: 'health', check: grpc }),
    ]);
    assert.deepEqual(
      layers.map((layer) => layer.map((process) => process.spec.name)),
      [['health-1'], ['config-1'], ['nats']],
    );
  });
});

describe('files of a stack', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'sluice-files-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('say what runs', async () => {
    assert.deepEqual(readRun(root), { processes: [], supervisor: undefined });
    const state = withProcess(withProcess(readRun(root), running('nats')), running('consul'));
    await writeRun(root, { ...state, supervisor: { pid: 1, startTime: 'never' } });
    assert.deepEqual(
      readRun(root).processes.map((process) => process.spec.name),
      ['nats', 'consul'],
    );
    assert.equal(isSupervised(readRun(root)), false);
    const replaced = withProcess(state, { ...running('nats'), restarts: 1 });
    assert.deepEqual(
      replaced.processes.map(({ restarts }) => restarts),
      [1, 0],
    );
    assert.equal(withoutProcess(replaced, 'nats').processes.length, 1);
  });

  it('that are broken say so and how to start anew', () => {
    writeFileSync(join(root, 'run.json'), '{"processes":');
    assert.throws(() => readRun(root), /run\.json can't be read .* `make reset` starts anew/);
  });

  it('remember the base port, and refuse to move a running stack', async () => {
    const wishes = readWishes({ PORT: '8100' });
    const chosen = await chooseSettings(root, wishes, readRun(root));
    assert.equal(chosen.basePort, 8_100);
    await writeSettings(root, chosen);
    assert.deepEqual(readSettings(root), chosen);
    const again = await chooseSettings(root, readWishes({}), readRun(root));
    assert.deepEqual(again, chosen);
    const self = identify(process.pid);
    assert(self);
    const run = { processes: [{ ...running('nats'), id: self }], supervisor: undefined };
    await assert.rejects(
      chooseSettings(root, readWishes({ PORT: '8200' }), run),
      /is up on port 8100.*make down && make up PORT=8200/,
    );
  });

  it('remember whether traces are wanted, until told otherwise', async () => {
    assert.equal(readWishes({ TRACES: '1' }).isTraced, true);
    assert.equal(readWishes({ TRACES: '0' }).isTraced, false);
    await writeSettings(root, { ...newSettings(7_400), isTraced: true });
    assert.equal((await chooseSettings(root, readWishes({}), readRun(root))).isTraced, true);
    assert.equal((await chooseSettings(root, readWishes({ TRACES: 'off' }), readRun(root))).isTraced, false);
  });

  it('are changed by one command at a time, and a dead one does not count', async () => {
    await withLock(root, async () => {
      await assert.rejects(
        withLock(root, async () => undefined),
        new RegExp(`Process ${process.pid} is starting or stopping this stack`),
      );
    });
    writeFileSync(join(root, 'lock'), JSON.stringify({ pid: process.pid, startTime: '1' }));
    assert.equal(await withLock(root, async () => 'in'), 'in');
  });

  it('that are logs are emptied when they are too long, and the last full one is kept', () => {
    const log = join(root, 'nats.log');
    writeFileSync(log, 'x'.repeat(11));
    boundLog(log, 11);
    assert.equal(readFileSync(log, 'utf8').length, 11);
    boundLog(log, 10);
    assert.equal(readFileSync(log, 'utf8'), '');
    assert.equal(readFileSync(`${log}.1`, 'utf8').length, 11);
  });
});
