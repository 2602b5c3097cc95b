import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises';
import { SluiceError, silentLogger, systemClock, unavailable } from '@sluice/mesh';
import { openSpool, type Spool, type SpoolOptions, type SpoolRecord } from './index.js';

const recordOf = (id: number, count = 2): SpoolRecord => ({
  subject: 's',
  messageId: String(id),
  count,
  data: Buffer.alloc(1_000, id),
});

describe('the spool', () => {
  let directory: string;
  const open = new Set<Spool>();
  const taken: string[] = [];
  /** What happens to the next records: an error, or taken. */
  let answers: (Error | undefined)[] = [];
  let isAway = false;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-spool-'));
    taken.length = 0;
    answers = [];
    isAway = false;
  });

  afterEach(async () => {
    for (const spool of open) await spool.close();
    open.clear();
    rmSync(directory, { recursive: true });
  });

  async function start(part: Partial<SpoolOptions> = {}): Promise<Spool> {
    const spool = await openSpool({
      ...{ directory, bytesMax: 1_000_000, ageMaxMs: 60_000, logger: silentLogger, clock: systemClock },
      longestPauseMs: 20,
      send: async ({ messageId }) => {
        const answer = isAway ? unavailable('away') : answers.shift();
        if (answer) throw answer;
        taken.push(messageId);
      },
      ...part,
    });
    open.add(spool);
    return spool;
  }

  const addAll = (spool: Spool, ids: readonly number[]) => Promise.all(ids.map((id) => spool.add(recordOf(id))));

  it('hands on in order and is empty then, on disk too', async () => {
    isAway = true;
    const spool = await start();
    await addAll(spool, [1, 2, 3]);
    assert.equal(spool.state().events, 6);
    isAway = false;
    await spool.whenEmpty();
    assert.deepEqual(taken, ['1', '2', '3']);
    assert.deepEqual([spool.state().events, spool.state().bytes, readdirSync(directory)], [0, 0, []]);
  });

  it('is not empty while a message is being written', async () => {
    isAway = true;
    const spool = await start();
    let isWritten = false;
    const adding = spool.add(recordOf(1)).then(() => {
      isWritten = true;
    });
    const looks: Promise<void>[] = [];
    while (!isWritten) {
      looks.push(spool.whenEmpty().then(() => assert.deepEqual(taken, ['1'])));
      await immediate();
    }
    isAway = false;
    await Promise.all([adding, ...looks]);
  });

  it('goes on behind what was handed on, when it is stopped by a failure in between', async () => {
    isAway = true;
    const spool = await start();
    await addAll(spool, [1, 2, 3, 4]);
    answers = [undefined, undefined, unavailable('away'), undefined, unavailable('away'), undefined];
    isAway = false;
    await spool.whenEmpty();
    assert.deepEqual(taken, ['1', '2', '3', '4'], 'nothing is handed on twice');
  });

  it('waits as long as it is asked to, within its limit', async () => {
    const times: number[] = [];
    let asked = 0;
    const spool = await start({
      longestPauseMs: 150,
      send: async () => {
        times.push(performance.now());
        if (asked++ === 0) throw new SluiceError('exhausted', 'full', { retryAfterMs: 60_000 });
      },
    });
    await spool.add(recordOf(1));
    await spool.whenEmpty();
    const waitedMs = (times[1] ?? 0) - (times[0] ?? 0);
    assert.ok(waitedMs >= 140 && waitedMs < 2_000, `${waitedMs} ms`);
  });

  it('is taken over by the next one, however the last one ended', async () => {
    isAway = true;
    const first = await start();
    await addAll(first, [1, 2]);
    await first.close();
    await addAll(await start(), [3]);
    const [segment = ''] = readdirSync(directory).sort();
    // A write that never ended, as a crash leaves it.
    appendFileSync(join(directory, segment), readFileSync(join(directory, segment)).subarray(0, 500));
    for (const spool of open) await spool.close();
    isAway = false;
    const heir = await start();
    await heir.whenEmpty();
    assert.deepEqual(taken, ['1', '2', '3']);
    assert.deepEqual([heir.state().damaged, readdirSync(directory)], [0, []]);
  });

  it('hands on all that is sound of a segment whose bytes changed, and keeps it aside', async () => {
    isAway = true;
    const first = await start();
    await addAll(first, [1, 2, 3]);
    await first.close();
    const [name = ''] = readdirSync(directory);
    const path = join(directory, name);
    const bytes = readFileSync(path);
    // The length of the first record: what followed it was lost when lengths were believed.
    bytes[9] = 0xff;
    writeFileSync(path, bytes);
    const heir = await start();
    assert.equal(heir.state().events, 4);
    isAway = false;
    await heir.whenEmpty();
    assert.deepEqual(taken, ['2', '3']);
    assert.equal(heir.state().damaged, 1);
    assert.deepEqual(readdirSync(directory), [`${name}.damaged`]);
    assert.deepEqual(readFileSync(`${path}.damaged`), bytes, 'nothing of it was cut off');
    await heir.close();
    assert.equal((await start()).state().damaged, 1, 'a later process knows of it');
  });

  it('keeps a few segments aside, the newest, as the disk has an end', async () => {
    for (let serial = 1; serial <= 12; serial++) {
      writeFileSync(join(directory, `${String(serial).padStart(16, '0')}.segment`), 'no record at all');
    }
    const spool = await start();
    await spool.whenEmpty();
    assert.equal(spool.state().damaged, 12);
    assert.deepEqual(
      readdirSync(directory).map((name) => Number.parseInt(name, 10)),
      [5, 6, 7, 8, 9, 10, 11, 12],
    );
  });

  it('starts and goes on past a segment that the disk does not give back', async () => {
    // Reading a folder fails as reading a broken file does, for good.
    mkdirSync(join(directory, '0000000000000001.segment'));
    isAway = true;
    const spool = await start();
    assert.equal(spool.state().damaged, 1);
    await addAll(spool, [1]);
    await spool.close();
    const heir = await start();
    await addAll(heir, [2]);
    const [oldest = ''] = readdirSync(directory)
      .filter((name) => name.endsWith('.segment'))
      .sort();
    rmSync(join(directory, oldest));
    isAway = false;
    await heir.whenEmpty();
    assert.deepEqual(taken, ['2']);
    assert.equal(heir.state().damaged, 2);
  });

  it('refuses what a full disk does not take, keeps what it took, and takes again once there is room', async () => {
    isAway = true;
    let room = 2_500;
    const spool = await start({ openFile: (path, flags) => openFile(path, flags).then((file) => smallDisk(file)) });
    const smallDisk = (file: FileHandle): FileHandle =>
      Object.assign(file, {
        write: new Proxy(file.write, {
          apply: async (write, self, [bytes, offset, length, position]: [Buffer, number, number, number]) => {
            if (room === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
            const part = Math.min(length, room);
            room -= part;
            return Reflect.apply(write, self, [bytes, offset, part, position]);
          },
        }),
      });
    await addAll(spool, [1]);
    await addAll(spool, [2]);
    const refusal = await spool.add(recordOf(3)).then(
      () => assert.fail('taken'),
      (error: unknown) => error,
    );
    assert(refusal instanceof SluiceError);
    assert.deepEqual([refusal.kind, (refusal.retryAfterMs ?? 0) > 0], ['exhausted', true]);
    await assert.rejects(spool.add(recordOf(4)), /can not be written/);
    room = 1_000_000;
    await addAll(spool, [5]);
    assert.equal(spool.state().events, 6);
    isAway = false;
    await spool.whenEmpty();
    assert.deepEqual(taken, ['1', '2', '5']);
    assert.deepEqual([spool.state().bytes, spool.state().damaged, readdirSync(directory)], [0, 0, []]);
  });

  it('refuses more while the oldest waits for too long, and never drops what it took', async () => {
    isAway = true;
    let nowMs = Date.now();
    const spool = await start({ ageMaxMs: 1_000, clock: { now: () => nowMs } });
    await addAll(spool, [1]);
    assert.equal(spool.hasRoom(), true);
    nowMs += 1_001;
    assert.equal(spool.hasRoom(), false);
    await assert.rejects(spool.add(recordOf(2)), /messages that wait for too long/);
    isAway = false;
    await spool.whenEmpty();
    assert.deepEqual(taken, ['1']);
    await addAll(spool, [3]);
  });

  it('refuses what does not fit, and says when to come again', async () => {
    isAway = true;
    const spool = await start({ bytesMax: 2_500 });
    await addAll(spool, [1, 2]);
    const refusal = await spool.add(recordOf(3)).then(
      () => assert.fail('taken'),
      (error: unknown) => error,
    );
    assert(refusal instanceof SluiceError);
    assert.deepEqual([refusal.kind, (refusal.retryAfterMs ?? 0) > 0], ['exhausted', true]);
    isAway = false;
    await spool.whenEmpty();
    await spool.add(recordOf(3));
  });

  it('lets go of who waits for it, when it closes', async () => {
    isAway = true;
    const spool = await start();
    await spool.add(recordOf(1));
    const waiting = spool.whenEmpty();
    await delay(1);
    await spool.close();
    await waiting;
    assert.equal(spool.state().events, 2);
    assert.equal(readdirSync(directory).length, 1);
  });
});
