/** The commands of the ledger against a mesh of real processes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connectBus } from '@sluice/bus';
import { silentLogger } from '@sluice/mesh';
import { EventBatch } from '@sluice/proto';
import { RemoteSluice } from '@sluice/sdk';
import { sluiceCommand } from '@sluice/stack';
import { eventually, temporaryFolder } from '@sluice/testkit';
import { eventOf, openRoom, type Room, set, timeoutMs } from './ingestion-room.js';

type Json = Record<string, unknown>;

const place = ['--project', set.project, '--environment', set.environment];
const hourMs = 3_600_000;
const startMs = Date.now() - 2 * hourMs;

describe('the sluice command and the ledger', function () {
  this.timeout(60_000);
  let room: Room;
  let folder: { path: string; remove: () => Promise<void> };

  before(async () => {
    room = await openRoom();
    folder = await temporaryFolder();
  });

  after(async () => {
    await room?.close();
    await folder?.remove();
  });

  async function json(...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await room.mesh.sluice(...args, ...place, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Json;
  }

  const lineOf = (part: object): string =>
    JSON.stringify({ name: 'imported', time: Date.now() - hourMs, user: { userID: 'ada' }, value: 1, ...part });

  it('imports a file once, however often it is told to', async () => {
    const file = join(folder.path, 'past.ndjson');
    const lines = Array.from({ length: 1_200 }, (_, at) => lineOf({ time: startMs + at, metadata: { at } }));
    await writeFile(file, lines.join('\n'));
    const first = await json('events', 'import', file);
    assert.deepEqual([first.lines, first.accepted, first.rejected, first.resumedAfter], [1_200, 1_200, 0, 0]);
    const again = await json('events', 'import', file);
    assert.deepEqual([again.lines, again.accepted, again.resumedAfter], [1_200, 1_200, 1_200]);
    // Without its record all lines go out again, with the same ids.
    await rm(`${file}.imported`);
    const repeated = await json('events', 'import', file);
    assert.equal(Number(repeated.accepted) + Number(repeated.duplicate), 1_200);
    await appendFile(file, `\n${lineOf({ time: startMs })}\n`);
    assert.equal((await json('events', 'import', file)).resumedAfter, 1_200);
    await room.counted('imported', 1_201);
    assert.equal((await json('events', 'imported')).sum, 1_201);
    // An import is a source: the books know each of its events.
    const source = await eventually(async () => {
      const [found] = (await json('books', '--source', String(first.sourceId), '--wait', '10s')).sources as Json[];
      assert.deepEqual([found?.arrived, found?.isClosed], [1_200, true]);
      return found;
    });
    assert.deepEqual([source?.generated, source?.accepted, source?.missing], [1_200, 1_200, 0]);
  });

  it('goes on with an import that was killed', async () => {
    const file = join(folder.path, 'long.ndjson');
    await writeFile(file, Array.from({ length: 6_000 }, () => lineOf({ name: 'long' })).join('\n'));
    const args = [sluiceCommand, 'events', 'import', file, ...place];
    const env = { ...process.env, SLUICE_CONTEXT: room.mesh.contextFile };
    const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
    await eventually(async () => assert.ok((await room.countOf('long')) > 0), { deadlineMs: 20_000, intervalMs: 5 });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { accepted, duplicate } = await json('events', 'import', file);
    assert.equal(Number(accepted) + Number(duplicate), 6_000);
    await room.counted('long', 6_000);
  });

  it('names the lines that it can not import', async () => {
    const file = join(folder.path, 'bad.ndjson');
    await writeFile(file, [lineOf({ name: 'bad-file' }), 'nothing', lineOf({ name: 'x'.repeat(200) })].join('\n'));
    const { code, stdout } = await room.mesh.sluice('events', 'import', file, ...place);
    assert.equal(code, 2);
    assert.match(
      stdout,
      /3 lines: 1 accepted, 0 known already, 2 rejected\n {2}line 2: line: is not JSON.*\n {2}line 3: name: /,
    );
    const missing = await room.mesh.sluice('events', 'import', join(folder.path, 'none'), ...place);
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /none can't be read \(ENOENT\)/);
  });

  it('shows events as they come in, those that were asked for', async () => {
    const args = [
      sluiceCommand,
      'events',
      'tail',
      '--name',
      'watched',
      '--count',
      '3',
      '--for',
      '30s',
      '--json',
      ...place,
    ];
    const env = { ...process.env, SLUICE_CONTEXT: room.mesh.contextFile };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const seen: Json[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => void seen.push(JSON.parse(line) as Json));
    const ended = once(child, 'exit');
    // It sees what comes from now on, and nobody says when that begins.
    await eventually(
      async () => {
        await room.server.log([eventOf({ name: 'watched' }), eventOf({ name: 'unwatched' })]);
        assert.equal(seen.length, 3);
      },
      { deadlineMs: 20_000, intervalMs: 100 },
    );
    assert.deepEqual((await ended)[0], 0);
    for (const { event, project, region } of seen) {
      assert.deepEqual([(event as Json).name, project, region], ['watched', set.project, room.mesh.region]);
    }
  });

  it('lists, shows, repeats and drops dead letters', async () => {
    const bus = await connectBus({ url: room.mesh.natsUrl, name: 'test', logger: silentLogger });
    await eventually(() => assert(bus.isConnected()));
    const subject = `events.v1.local.${set.project}.${set.environment}`;
    const events = [eventOf({ id: 'poison', name: 'poison' })];
    const poison = { ...EventBatch.fromPartial({}), set, events, receivedAtMs: Date.now() };
    await bus.publish(subject, Buffer.from('no batch'), { messageId: 'garbage', timeoutMs });
    await bus.publish(subject, EventBatch.encode(poison).finish(), { messageId: 'poison', timeoutMs });
    await bus.close();
    const letters = async (): Promise<Json[]> => (await json('deadletters', 'list')).letters as Json[];
    const [garbage, event] = await eventually(async () => {
      const found = await letters();
      assert.equal(found.length, 2);
      return found;
    });
    assert.deepEqual([garbage?.eventId, event?.eventId], [null, 'poison']);
    const shown = await json('deadletters', 'show', String(event?.id));
    assert.equal(((shown.events as Json[])[0] as Json).name, 'poison');
    const { stdout } = await room.mesh.sluice('deadletters', 'list');
    assert.match(stdout, /^ID +BURIED +SUBJECT +EVENT +BYTES +REASON\n/);
    await json('deadletters', 'drop', String(garbage?.id));
    await json('deadletters', 'retry', String(event?.id));
    // Nothing was mended: it comes back, under another number.
    await eventually(async () => {
      const left = await letters();
      assert.equal(left.length, 1);
      assert.notEqual(left[0]?.id, event?.id);
    });
    const gone = await room.mesh.sluice('deadletters', 'show', String(garbage?.id));
    assert.equal(gone.code, 3);
  });

  it('shows books that balance, from the source to the store', async () => {
    const { serverKey: key, target } = room;
    const client = new RemoteSluice({ key, target, ingestionTarget: target, lingerMs: 5 });
    for (let at = 0; at < 300; at++) client.log({ userID: `u${at}` }, 'booked');
    client.log({ userID: 'u' }, 'x'.repeat(200));
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    await client.close();
    const { sourceId } = client.books();
    await room.counted('booked', 300);
    const books = await json('books', '--wait', '20s', '--recount');
    assert.deepEqual([books.isBalanced, books.problems], [true, []]);
    const store = books.store as Json;
    assert.equal(store.taken, Number(store.stored) + Number(store.duplicate) + Number(store.buried));
    assert.equal(store.recounted, store.stored);
    const one = await eventually(async () => {
      const [found] = (await json('books', '--source', sourceId)).sources as Json[];
      assert.equal(found?.isClosed, true);
      return found;
    });
    assert.deepEqual([one?.generated, one?.accepted, one?.rejected], [301, 300, { name: 1 }]);
    assert.deepEqual([one?.inSpool, one?.inFlight, one?.arrived, one?.missing], [0, 0, 301, 0]);
    const { stdout } = await room.mesh.sluice('books', '--source', sourceId, ...place);
    assert.match(stdout, /rejected\{name\} +1\n/);
    assert.match(stdout, /the books balance/);
  });

  it('shows books of each region, in both its halves, to who may see everything', async () => {
    const everything = await json('books', '--everything', '--wait', '20s');
    assert.deepEqual([everything.isBalanced, everything.isMoving, everything.problems], [true, false, []]);
    const [region] = everything.regions as Json[];
    const total = (counts: unknown) => Object.values(counts as Json).reduce<number>((sum, n) => sum + Number(n), 0);
    assert.equal(region?.region, room.mesh.region);
    assert.equal(
      region?.received,
      [region?.accepted, region?.duplicate, total(region?.rejected), total(region?.dropped)].reduce<number>(
        (sum, n) => sum + Number(n),
        0,
      ),
    );
    assert.ok(Number((region?.rejected as Json | undefined)?.name) >= 1, 'by the field that was wrong');
    const { stdout } = await room.mesh.sluice('books', '--everything', ...place);
    assert.match(stdout, /REGION +RECEIVED +ACCEPTED .* TAKEN +STORED +KNOWN +BURIED\n/);
    assert.match(stdout, /rejected\{name\} \d+\n/);
    // The instances and the log serve every set: who asks for one is told nothing of them.
    const ofSet = await json('books');
    assert.deepEqual((ofSet.regions as Json[])[0]?.received, 0);
    assert.ok((ofSet.instances as Json[]).every(({ counters }) => Object.keys(counters as Json).length === 0));
  });

  it('fails when events are still on their way at the end of the wait', async () => {
    await room.query(`insert into events.instance (region, instance, started_at, reported_at, counters)
      values ('elsewhere', 'i', now(), now() + interval '1 minute', '{"spool_events": 3}')`);
    const asked = ['books', '--everything', '--json', ...place];
    const moving = await room.mesh.sluice(...asked, '--wait', '1s');
    assert.deepEqual([moving.code, (JSON.parse(moving.stdout) as Json).isMoving], [6, true], moving.stdout);
    assert.equal((await room.mesh.sluice(...asked)).code, 0);
    // Its process is gone for good: what it left is said, and hides nothing else.
    await room.query(`update events.instance set reported_at = now() - interval '1 minute' where region = 'elsewhere'`);
    const left = await room.mesh.sluice(...asked, '--wait', '20s');
    const { isMoving, problems } = JSON.parse(left.stdout) as Json;
    assert.deepEqual([left.code, isMoving], [5, false]);
    assert.match(String(problems), /^elsewhere\/i: 3 events in its spool, and it is silent since/);
    await room.query(`delete from events.instance where region = 'elsewhere'`);
  });

  it('fails when the books do not balance', async () => {
    await room.query(`delete from events.event where name = 'booked' and user_id = 'u7'`);
    const { code, stdout } = await room.mesh.sluice('books', '--recount', '--wait', '20s', ...place);
    assert.equal(code, 5, stdout);
    assert.match(stdout, /does not balance: /);
  });

  it('shows usage by day and month', async () => {
    const { days, unitsByDay, unitsByMonth, unitsError } = await eventually(async () => {
      const usage = await json('usage', '--name', 'booked');
      assert.equal((usage.days as Json[]).length, 1);
      return usage;
    });
    const [day] = days as Json[];
    assert.deepEqual([day?.name, day?.events], ['booked', 300]);
    assert.ok(Math.abs(Number(day?.units) - 300) <= 300 * 5 * Number(unitsError), `${day?.units} units`);
    assert.ok((unitsByDay as Json[]).length > 0 && (unitsByMonth as Json[]).length > 0);
    const { stdout } = await room.mesh.sluice('usage', ...place);
    assert.match(stdout, /^DAY +EVENT +EVENTS +SUM +UNITS\n/);
  });
});
