/** Events of the SDK against real ingestion: away and back, killed and taken over, every event once. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogEventsRequest } from '@sluice/proto';
import { RemoteSluice, type RemoteSluiceOptions } from '@sluice/sdk';
import { decodeSegment } from '@sluice/spool';
import { eventually, temporaryFolder } from '@sluice/testkit';
import { openRoom, type Room } from './ingestion-room.js';

const user = { userID: 'u' };

describe('events of the SDK', function () {
  this.timeout(60_000);
  let room: Room;
  let spool: { path: string; remove: () => Promise<void> };
  const clients: RemoteSluice[] = [];
  const children: ChildProcess[] = [];

  before(async () => {
    room = await openRoom();
  });

  after(() => room?.close());

  beforeEach(async () => {
    spool = await temporaryFolder();
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 200 })));
    await spool.remove();
  });

  function open(part: Partial<RemoteSluiceOptions> = {}): RemoteSluice {
    const { target, serverKey: key } = room;
    const client = new RemoteSluice({
      key,
      target,
      ingestionTarget: target,
      spoolDir: spool.path,
      lingerMs: 10,
      ...part,
    });
    clients.push(client);
    return client;
  }

  /** A process that logs events of this name until it is killed. */
  function startLogger(name: string): ChildProcess {
    const child = fork(new URL('sdk-logger.js', import.meta.url), [room.target, room.serverKey, spool.path, name]);
    children.push(child);
    return child;
  }

  const storedOf = async (name: string): Promise<string[]> => {
    const text = `select event_id::text as id from events.event where name = '${name}'`;
    return (await room.query<{ id: string }>(text)).map(({ id }) => id);
  };

  const onDisk = (): string[] =>
    globSync('*/*/*.segment', { cwd: spool.path })
      .flatMap((path) => decodeSegment(readFileSync(join(spool.path, path)), path).records)
      .flatMap(({ data }) => LogEventsRequest.decode(data).events.map(({ id }) => id));

  it('wait on disk while ingestion is dead, and are stored once when it is back', async () => {
    const client = open();
    client.log(user, 'before');
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    const ingestion = room.mesh.process('ingestion-1');
    await ingestion.kill();
    for (let at = 0; at < 1_500; at++) client.log(user, 'while-dead', { value: at });
    await eventually(() => assert.equal(client.books().inSpool, 1_500), { deadlineMs: 20_000 });
    const ids = onDisk();
    await ingestion.start();
    assert.equal(await client.flush({ timeoutMs: 20_000 }), true);
    const { generated, accepted, duplicate, inSpool, inFlight } = client.books();
    assert.deepEqual([generated, accepted + duplicate, inSpool, inFlight], [1_501, 1_501, 0, 0]);
    await room.counted('while-dead', 1_500);
    assert.deepEqual((await storedOf('while-dead')).sort(), ids.sort());
  });

  it('of a process that was killed are delivered by the next one, with the same ids', async () => {
    const ingestion = room.mesh.process('ingestion-1');
    const victim = startLogger('killed-sdk');
    await eventually(async () => assert.ok((await storedOf('killed-sdk')).length > 100), { deadlineMs: 20_000 });
    await ingestion.kill();
    await eventually(() => assert.ok(onDisk().length > 500), { deadlineMs: 20_000 });
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    const ids = onDisk();
    const before = new Set(await storedOf('killed-sdk'));
    await ingestion.start();
    const heirs = [open(), open(), open()];
    const expected = new Set([...before, ...ids]);
    await eventually(async () => {
      const stored = await storedOf('killed-sdk');
      assert.equal(new Set(stored).size, stored.length, 'an event is stored twice');
      for (const id of ids) assert.ok(stored.includes(id), `${id} is lost`);
      // What was answered for just before the end may have been on its way to the store.
      assert.ok(stored.length >= expected.size);
    });
    await eventually(() => assert.deepEqual(onDisk(), []));
    for (const heir of heirs)
      assert.equal(heir.books().generated, 0, 'what was taken over is in the books of who made it');
  });

  it('are still in the books when nobody knows the key', async () => {
    const client = open({ key: 'sluice_server_unknown-to-everybody' });
    client.log(user, 'stranger');
    await client.flush({ timeoutMs: 1_000 });
    const { generated, accepted, dropped, inSpool, inFlight } = client.books();
    assert.deepEqual([generated, accepted], [1, 0]);
    assert.equal(dropped.refused + inSpool + inFlight, 1);
  });

  it('that ingestion rejects are counted by the field that is wrong', async () => {
    const client = open();
    client.log(user, 'x'.repeat(200));
    client.log({ userID: 'y'.repeat(20_000) }, 'too-long');
    client.log(user, 'good');
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    const { accepted, rejected } = client.books();
    assert.equal(accepted, 1);
    assert.equal(rejected.name, 1);
    assert.equal(
      Object.values(rejected).reduce((sum, count) => sum + count, 0),
      2,
    );
  });
});
