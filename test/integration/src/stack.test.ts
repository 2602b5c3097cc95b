import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import {
  type Folders,
  foldersIn,
  freePorts,
  isAlive,
  natsServer,
  type ProcessSpec,
  planPorts,
  problemOf,
  type RunningProcess,
  readRun,
  reconcile,
  type StackPlan,
  signal,
  startSupervisor,
  stopAll,
} from '@sluice/stack';
import { eventually, guardStack, temporaryFolder } from '@sluice/testkit';

const silent = (): void => undefined;

describe('a supervised stack', () => {
  let folders: Folders;
  let nats: ProcessSpec;
  let remove: () => Promise<void>;

  const planOf = (...layer: ProcessSpec[]): StackPlan => ({
    layers: [layer],
    ports: planPorts(7_400),
    databaseUrl: '',
    adminUrl: undefined,
  });
  const running = (): RunningProcess => {
    const [process] = readRun(folders.root).processes;
    assert(process, 'the run file names no process');
    return process;
  };
  const start = async (plan: StackPlan) =>
    startSupervisor(folders, await reconcile(plan, readRun(folders.root), folders, silent));

  beforeEach(async () => {
    const folder = await temporaryFolder();
    remove = folder.remove;
    folders = foldersIn(folder.path);
    guardStack(folders.root);
    const [client = 0, monitor = 0] = await freePorts(2);
    nats = await natsServer({ folders, region: 'test', ports: { client, monitor } });
  });

  afterEach(async () => {
    await stopAll(folders, silent);
    await remove();
  });

  it('brings back a server that was killed', async () => {
    await start(planOf(nats));
    const before = running();
    signal(before.id, 'SIGKILL');
    const after = await eventually(() => {
      const now = running();
      assert.equal(now.restarts, 1);
      return now;
    });
    assert.notEqual(after.id.pid, before.id.pid);
    await eventually(async () => assert.equal(await problemOf(nats.check), undefined));
  });

  it('goes on without its supervisor, and the next one adopts it', async () => {
    const state = await start(planOf(nats));
    const before = running();
    assert(state.supervisor);
    signal(state.supervisor, 'SIGKILL');
    await eventually(() => !(state.supervisor && isAlive(state.supervisor)));
    assert.equal(await problemOf(nats.check), undefined);
    await startSupervisor(folders, readRun(folders.root));
    assert.deepEqual(running().id, before.id);
    signal(before.id, 'SIGKILL');
    await eventually(() => assert.equal(running().restarts, 1));
  });

  it('leaves alone what is as it should be, and restarts what is not', async () => {
    await reconcile(planOf(nats), readRun(folders.root), folders, silent);
    const first = running().id;
    await reconcile(planOf(nats), readRun(folders.root), folders, silent);
    assert.deepEqual(running().id, first);
    await reconcile(planOf({ ...nats, fingerprint: 'new' }), readRun(folders.root), folders, silent);
    assert.notEqual(running().id.pid, first.pid);
    assert.equal(isAlive(first), false);
  });

  it('says who holds a port that it needs', async () => {
    await reconcile(planOf(nats), readRun(folders.root), folders, silent);
    const other = { ...nats, name: 'another', fingerprint: 'other' };
    await assert.rejects(
      reconcile(planOf(nats, other), readRun(folders.root), folders, silent),
      new RegExp(`Ports \\d+, \\d+, wanted by another, are held by process ${running().id.pid} \\(.*nats-server`),
    );
  });

  it('shows the last lines of what does not start, and does not keep it on record', async () => {
    const broken = { ...nats, args: ['--config', '/nonexistent.conf'] };
    await assert.rejects(reconcile(planOf(broken), readRun(folders.root), folders, silent), (error: Error) => {
      assert.match(error.message, /^nats ended\. The last lines of .*nats\.log:\n.*nonexistent\.conf/);
      return true;
    });
    assert.deepEqual(readRun(folders.root).processes, []);
  });

  it('stops as a whole', async () => {
    await start(planOf(nats));
    const { id } = running();
    assert.equal(await stopAll(folders, silent), true);
    assert.equal(isAlive(id), false);
    assert.equal(existsSync(`${folders.root}/run.json`), false);
    assert.equal(await stopAll(folders, silent), false);
  });
});
