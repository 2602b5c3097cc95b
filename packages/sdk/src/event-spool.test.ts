import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogEventsRequest } from '@sluice/proto';
import { decodeSegment } from '@sluice/spool';
import { Sluice, type SluiceOptions } from './index.js';
import { eventually, key, TestMesh } from './test/mesh.js';

const user = { userID: 'u' };
const child = new URL('test/logging-child.js', import.meta.url);

describe('events on disk', function () {
  this.timeout(30_000);
  let mesh: TestMesh;
  let spoolDir: string;
  const clients: Sluice[] = [];

  beforeEach(async () => {
    mesh = await new TestMesh().start();
    spoolDir = mkdtempSync(join(tmpdir(), 'sluice-spool-'));
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 100 })));
    await mesh.stop();
    rmSync(spoolDir, { recursive: true });
  });

  function open(part: Partial<SluiceOptions> = {}): Sluice {
    const { target } = mesh;
    const client = new Sluice({ key, target, ingestionTarget: target, lingerMs: 5, spoolDir, ...part });
    clients.push(client);
    return client;
  }

  const segments = () => globSync('*/*/*.segment', { cwd: spoolDir }).map((path) => join(spoolDir, path));
  const spooled = () =>
    segments()
      .flatMap((path) => decodeSegment(readFileSync(path), path).records)
      .flatMap(({ data }) => LogEventsRequest.decode(data).events.map(({ id }) => id));
  const delivered = () => mesh.events.map(({ id }) => id);
  const sorted = (ids: readonly string[]) => [...ids].sort();

  it('wait there while ingestion is away, and go out with the ids and numbers that they had', async () => {
    const client = open();
    mesh.isIngestionAway = true;
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 100; at++) client.log(user, 'paid');
      await eventually(() => client.books().inSpool === 100 * (round + 1));
    }
    assert.equal(client.books().inFlight, 0);
    const ids = spooled();
    assert.equal(new Set(ids).size, 300);
    mesh.isIngestionAway = false;
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    assert.deepEqual(sorted(delivered()), sorted(ids));
    const { generated, accepted, inSpool } = client.books();
    assert.deepEqual([generated, accepted, inSpool], [300, 300, 0]);
    client.log(user, 'after');
    assert.equal(await client.flush(), true);
    assert.equal(mesh.batches.at(-1)?.sequence, 301);
    assert.equal(new Set(mesh.batches.map(({ sourceId }) => sourceId)).size, 1);
  });

  it('are left by a close, and delivered by the next client', async () => {
    mesh.isIngestionAway = true;
    const first = open();
    for (let at = 0; at < 700; at++) first.log(user, 'paid');
    await first.close({ timeoutMs: 50 });
    const { inSpool, dropped, sourceId } = first.books();
    assert.deepEqual([inSpool, dropped.closed], [700, 0]);
    const ids = spooled();
    mesh.isIngestionAway = false;
    open();
    await eventually(() => mesh.events.length >= 700);
    assert.deepEqual(sorted(delivered()), sorted(ids));
    await eventually(() => segments().length === 0);
    const reports = await eventually(() => {
      const found = mesh.batches.flatMap(({ sourceId: of, report }) => (of === sourceId && report ? [report] : []));
      return found.at(-1)?.isClosed === true && found;
    });
    const last = (reports || []).at(-1);
    assert.deepEqual([last?.generated, last?.accepted, last?.spooled, last?.inFlight], [700, 700, 0, 0]);
  });

  it('of a process that was killed are delivered once, by exactly one of many', async () => {
    mesh.isIngestionAway = true;
    const victim = fork(child, [mesh.target, spoolDir]);
    await eventually(() => spooled().length >= 2_000, 20_000);
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    const ids = spooled();
    assert.equal(new Set(ids).size, ids.length);
    mesh.isIngestionAway = false;
    mesh.batches.length = 0;
    for (let at = 0; at < 6; at++) open();
    await eventually(() => mesh.events.length >= ids.length);
    await eventually(() => segments().length === 0);
    assert.deepEqual(sorted(delivered()), sorted(ids));
    await eventually(() => {
      const report = mesh.batches.findLast((batch) => batch.report?.isClosed)?.report;
      assert.equal(report?.accepted, ids.length);
      assert.equal(report?.generated, ids.length + (report?.dropped.crashed ?? 0));
    });
  });

  it('of a process that lives are left alone', async () => {
    mesh.isIngestionAway = true;
    const owner = fork(child, [mesh.target, spoolDir]);
    try {
      await eventually(() => spooled().length > 0);
      owner.kill('SIGSTOP');
      const ids = spooled();
      const next = open();
      next.log(user, 'other');
      await eventually(() => next.books().inSpool === 1);
      assert.deepEqual(sorted(spooled().filter((id) => ids.includes(id))), sorted(ids));
      mesh.isIngestionAway = false;
      await next.flush({ timeoutMs: 5_000 });
      assert.deepEqual(
        mesh.events.map(({ name }) => name),
        ['other'],
      );
    } finally {
      owner.kill('SIGKILL');
      await once(owner, 'exit');
    }
  });

  it('go no further than the limit of the disk, then of memory, and then are dropped and counted', async () => {
    mesh.isIngestionAway = true;
    const client = open({ spoolBytesMax: 60_000, queueEventsMax: 100 });
    const metadata = { text: 'x'.repeat(1_000) };
    const logMany = (count: number) => {
      for (let at = 0; at < count; at++) client.log(user, 'paid', { metadata });
    };
    // As long as the disk takes them, none stays in memory.
    for (let held = -1; held < client.books().inSpool; ) {
      held = client.books().inSpool;
      logMany(20);
      await eventually(() => client.books().inFlight === 0, 500).catch(() => undefined);
    }
    assert.equal(client.books().dropped.queueFull, 0);
    logMany(100);
    assert.equal(client.books().dropped.queueFull, 20);
    const { inSpool, inFlight } = client.books();
    assert.ok(inSpool >= 20 && inSpool < 60, `${inSpool} in the spool`);
    assert.equal(inFlight, 100);
    mesh.isIngestionAway = false;
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    const { generated, accepted, dropped } = client.books();
    assert.equal(generated, accepted + dropped.queueFull);
    assert.equal(new Set(delivered()).size, accepted);
  });

  it('go no further than the age of the oldest, and wait in memory then', async () => {
    mesh.isIngestionAway = true;
    const client = open({ spoolAgeMaxMs: 1 });
    client.log(user, 'first');
    await eventually(() => client.books().inSpool === 1);
    const spooledAtMs = Date.now();
    await eventually(() => Date.now() > spooledAtMs + 1);
    client.log(user, 'second');
    await eventually(() => mesh.batches.some(({ events }) => events[0]?.name === 'second'));
    assert.deepEqual([client.books().inSpool, client.books().inFlight], [1, 1]);
    mesh.isIngestionAway = false;
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    assert.equal(client.books().accepted, 2);
  });

  it('that can not be written stay in memory', async () => {
    mesh.isIngestionAway = true;
    const file = join(spoolDir, 'a-file');
    writeFileSync(file, '');
    const client = open({ spoolDir: file });
    client.log(user, 'paid');
    await eventually(() => mesh.batches.length >= 2);
    assert.deepEqual([client.books().inSpool, client.books().inFlight], [0, 1]);
    mesh.isIngestionAway = false;
    assert.equal(await client.flush({ timeoutMs: 5_000 }), true);
    assert.equal(client.books().accepted, 1);
  });
});
