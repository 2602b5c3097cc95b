import assert from 'node:assert/strict';
import { hashEntities } from '@sluice/codec';
import { notFound, unavailable, unhurried } from '@sluice/mesh';
import { Frame } from '@sluice/proto';
import { replaysKept, replaysWaitingMax } from './limits.js';
import { Replays } from './replays.js';

const set = { project: 'shop', environment: 'production' };
const never = new AbortController().signal;
const newest = 50;

/** A history of sets that all hold the same setting, as config hands it out. */
function history(fetched: number[]) {
  return async (_set: unknown, _within: unknown, revision = 0): Promise<Uint8Array> => {
    fetched.push(revision);
    if (revision > newest) throw notFound('revision', `there is no revision ${revision}; the newest is ${newest}`);
    const upserts = [{ name: 'time', version: 1, body: { $case: 'settingJson' as const, value: String(revision) } }];
    return Frame.encode({
      set,
      revision,
      previousRevision: 0,
      stateHash: Buffer.from(hashEntities(upserts)),
      previousStateHash: Buffer.alloc(0),
      committedAtMs: 1,
      upserts,
      deletions: [],
      isElided: false,
    }).finish();
  };
}

describe('replays', () => {
  it('fetch a revision once, also when several ask at the same time', async () => {
    const fetched: number[] = [];
    const replays = new Replays({ fetchSnapshot: history(fetched) });
    const programs = await Promise.all([1, 1, 2].map((revision) => replays.programAt(set, revision, 1_000, never)));
    assert.deepEqual(
      programs.map(({ ruleset }) => ruleset.time),
      [1, 1, 2],
    );
    assert.equal(programs[0], programs[1]);
    assert.deepEqual(fetched, [1, 2]);
  });

  it('keep those that were used last', async () => {
    const fetched: number[] = [];
    const replays = new Replays({ fetchSnapshot: history(fetched) });
    for (let revision = 1; revision <= replaysKept; revision++) await replays.programAt(set, revision, 1_000, never);
    await replays.programAt(set, 1, 1_000, never);
    await replays.programAt(set, replaysKept + 1, 1_000, never);
    fetched.length = 0;
    await replays.programAt(set, 1, 1_000, never);
    await replays.programAt(set, 2, 1_000, never);
    assert.deepEqual(fetched, [2]);
  });

  it('name the field of a revision that never was, and ask again the next time', async () => {
    const fetched: number[] = [];
    const replays = new Replays({ fetchSnapshot: history(fetched) });
    for (let i = 0; i < 2; i++) {
      await assert.rejects(replays.programAt(set, 99, 1_000, never), {
        kind: 'not_found',
        message: 'at_revision: there is no revision 99; the newest is 50',
      });
    }
    assert.deepEqual(fetched, [99, 99]);
  });

  it('turn callers away when too many wait', async () => {
    const gate = Promise.withResolvers<Uint8Array>();
    const replays = new Replays({ fetchSnapshot: () => gate.promise });
    const revisions = Array.from({ length: replaysWaitingMax }, (_, at) => at + 1);
    const waiting = revisions.map((revision) => replays.programAt(set, revision, 5_000, never));
    await assert.rejects(replays.programAt(set, 99, 5_000, never), { kind: 'exhausted' });
    gate.reject(unavailable('nobody answers'));
    const ends = await Promise.allSettled(waiting);
    assert.ok(ends.every(({ status }) => status === 'rejected'));
    await assert.rejects(replays.programAt(set, 99, 5_000, never), { kind: 'unavailable' });
  });

  it('turn readers of whole rulesets away, too', async () => {
    const gate = Promise.withResolvers<Uint8Array>();
    const replays = new Replays({ fetchSnapshot: () => gate.promise });
    const read = (revision: number) => replays.fetch(set, revision, 'revision', unhurried(never));
    const reading = Array.from({ length: replaysWaitingMax }, (_, at) => read(at + 1));
    await assert.rejects(read(99), { kind: 'exhausted' });
    gate.resolve(Buffer.from('a snapshot'));
    await Promise.all(reading);
    assert.equal(Buffer.from(await read(99)).toString(), 'a snapshot');
  });

  it('say that config is away, that time is up, and that an answer is for another revision', async () => {
    const away = new Replays({ fetchSnapshot: () => Promise.reject(unavailable('nobody answers')) });
    await assert.rejects(away.programAt(set, 7, 1_000, never), { kind: 'unavailable', message: /Revision 7 .*later/ });
    const slow = new Replays({ fetchSnapshot: () => new Promise(() => undefined) });
    await assert.rejects(slow.programAt(set, 7, 1, never), { kind: 'deadline' });
    const deaf = new Replays({ fetchSnapshot: (to, within) => history([])(to, within, 3) });
    await assert.rejects(deaf.programAt(set, 7, 1_000, never), { kind: 'unavailable' });
  });
});
