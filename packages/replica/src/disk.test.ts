import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equalHashes } from '@sluice/codec';
import { silentLogger } from '@sluice/mesh';
import fc from 'fast-check';
import { Disk, type DiskOptions } from './disk.js';
import { rawFrame } from './raw-frame.js';
import { applyFrame, emptyState, type ReplicaState } from './replica.js';
import { headerBytes, readStateFile, stateFileBytes } from './replica-file.js';
import { demo, gateEntity, keyEntity, Model } from './test/model.js';

function stateOf(model: Model): ReplicaState {
  const outcome = applyFrame(emptyState(model.set), rawFrame(model.snapshot()));
  assert(outcome.kind === 'applied');
  return outcome.state;
}

function stateWith(gates: number, model = new Model()): ReplicaState {
  const entities = Array.from({ length: gates }, (_, at) => gateEntity(`gate-${at}`, at % 100));
  model.commit([...entities, keyEntity('k', 'demo', 'production')]);
  return stateOf(model);
}

describe('last-known-good on disk', () => {
  let directory: string;
  const open = (options: Partial<DiskOptions> = {}): Disk =>
    new Disk({ directory, logger: silentLogger, restMs: 5, ...options });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-disk-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('gives back what was saved, of each set', async () => {
    const disk = open();
    const states = [stateWith(600), stateWith(3, new Model({ project: 'a/../b', environment: '.' }))];
    for (const state of states) disk.save(state);
    await disk.close();
    const found = await open().load();
    assert.equal(found.length, 2);
    for (const state of states) {
      const same = found.find((each) => each.state.set.project === state.set.project)?.state;
      assert(same && equalHashes(same.stateHash, state.stateHash));
      assert.equal(same.revision, state.revision);
      assert.equal(same.entities.size, state.entities.size);
    }
    assert(found.every(({ freshAtMs }) => Date.now() - freshAtMs < 10_000));
  });

  it('writes a burst of changes as a few', async () => {
    const model = new Model();
    const disk = open({ restMs: 50 });
    const seen = new Set<string>();
    for (let at = 1; at <= 200; at++) {
      model.commit([gateEntity('a', at % 100)]);
      disk.save(stateOf(model));
      if (at % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      for (const name of await readdir(directory)) seen.add(name);
    }
    await disk.close();
    const [found] = await open().load();
    assert.equal(found?.state.revision, 200);
    assert.equal(disk.failures, 0);
    assert.deepEqual(await readdir(directory), ['demo@production.ruleset']);
  });

  it('never serves a file with a bit flipped or an end cut off, wherever that is', async () => {
    const good = Buffer.from(stateFileBytes(stateWith(20)));
    assert.equal(readStateFile(good).entities.size, 21);
    const regions = [0, 4, 8, 15, 16, 40, headerBytes - 1, headerBytes, headerBytes + 5, good.length - 1];
    const at = fc.oneof(fc.constantFrom(...regions), fc.nat(good.length - 1));
    fc.assert(
      fc.property(at, fc.nat(7), (position, bit) => {
        const flipped = Buffer.from(good);
        flipped[position] = (flipped[position] ?? 0) ^ (1 << bit);
        assert.throws(() => readStateFile(flipped), { name: 'CorruptFileError' });
        assert.throws(() => readStateFile(good.subarray(0, position)), { name: 'CorruptFileError' });
        assert.throws(() => readStateFile(Buffer.concat([good, good.subarray(0, position + 1)])), {
          name: 'CorruptFileError',
        });
      }),
      { numRuns: 500 },
    );
  });

  it('sets a corrupt file aside, and serves the others', async () => {
    const disk = open();
    disk.save(stateWith(3));
    disk.save(stateWith(3, new Model({ project: 'other', environment: 'staging' })));
    await disk.close();
    const path = join(directory, 'demo@production.ruleset');
    const bytes = await readFile(path);
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const found = await open().load();
    assert.deepEqual(
      found.map(({ state }) => state.set.project),
      ['other'],
    );
    assert.deepEqual((await readdir(directory)).sort(), ['demo@production.ruleset.corrupt', 'other@staging.ruleset']);
  });

  it('sets aside a file that holds another set than its name says', async () => {
    await writeFile(join(directory, 'x@y.ruleset'), stateFileBytes(stateWith(1)));
    assert.deepEqual(await open().load(), []);
    assert.deepEqual(await readdir(directory), ['x@y.ruleset.corrupt']);
  });

  it('clears half-written files of an earlier life away', async () => {
    await writeFile(join(directory, 'demo@production.ruleset.1.tmp'), 'half');
    assert.deepEqual(await open().load(), []);
    assert.deepEqual(await readdir(directory), []);
  });

  it('neither writes nor reads more than its limit', async () => {
    const small = open({ bytesMax: 1_000 });
    small.save(stateWith(500));
    await small.close();
    assert.equal(small.failures, 1);
    assert.deepEqual(await readdir(directory), []);
    const disk = open();
    disk.save(stateWith(500));
    await disk.close();
    assert.deepEqual(await open({ bytesMax: 1_000 }).load(), []);
  });

  it('remembers when a ruleset was last known to be the newest', async () => {
    const disk = open();
    disk.save(stateWith(1));
    await disk.close();
    const path = join(directory, 'demo@production.ruleset');
    await utimes(path, new Date(1_000), new Date(1_000));
    assert.equal((await open().load())[0]?.freshAtMs, 1_000);
    const now = Date.now();
    const later = open();
    await later.load();
    later.freshen(demo, now);
    let freshAtMs = 0;
    for (let turn = 0; turn < 500 && freshAtMs < now - 1; turn++) freshAtMs = (await open().load())[0]?.freshAtMs ?? 0;
    assert(Math.abs(freshAtMs - now) <= 1, `${freshAtMs} is not ${now}`);
  });

  it('goes on when the disk fails', async () => {
    const disk = open({ directory: join(directory, 'missing', 'folder') });
    disk.save(stateWith(1));
    await disk.close();
    assert.equal(disk.failures, 1);
  });
});
