import assert from 'node:assert/strict';
import { silentLogger } from '@sluice/mesh';
import { Ack, type Acknowledgement, type SetRef } from '@sluice/proto';
import { Acks, isComplete, type Wanted } from './acks.js';

const set: SetRef = { project: 'shop', environment: 'test' };
const hashOf = (revision: number, history = 1): Buffer => Buffer.alloc(32, revision + 100 * history);
/** Config was restored from a backup: 101 is its newest revision. */
const wanted: Wanted = {
  ...{ set, revision: 101, lineage: 'b' },
  hashAt: (revision) => Promise.resolve(revision <= 101 ? hashOf(revision) : undefined),
};

/** Acks that hear what `say` says. */
function listen() {
  let hear = (_: { data: Uint8Array }): void => undefined;
  const acks = new Acks();
  const bus = {
    subscribe: (_: string, onMessage: typeof hear) => {
      hear = onMessage;
      return () => undefined;
    },
  };
  acks.start(bus, undefined, silentLogger);
  const say = (instance: string, revision: number, part: Partial<Ack> = {}): void => {
    const ack = { set, instance, region: 'r', revision, stateHash: hashOf(revision), lineage: 'b', ...part };
    hear({ data: Ack.encode(Ack.fromPartial({ committedAtMs: 5, appliedAtMs: 7, ...ack })).finish() });
  };
  return { acks, say };
}

const never = (): AbortSignal => new AbortController().signal;
const summary = (all: readonly Acknowledgement[]) => all.map((one) => [one.instance, one.revision, one.isForeign]);

describe('a wait for a revision', () => {
  it('ends when the last evaluator holds it, and not before', async () => {
    const { acks, say } = listen();
    say('e1', 101);
    say('e2', 100);
    let isOver = false;
    const waiting = acks.wait(wanted, Date.now() + 5_000, never()).finally(() => {
      isOver = true;
    });
    await new Promise(setImmediate);
    assert.equal(isOver, false);
    say('e2', 101);
    assert.deepEqual(summary(await waiting), [
      ['e1', 101, false],
      ['e2', 101, false],
    ]);
  });

  it('does not count a later number of a history that is gone', async () => {
    const { acks, say } = listen();
    say('e1', 120);
    const now = await acks.wait(wanted, 0, never());
    assert.deepEqual(summary(now), [['e1', 120, true]]);
    assert.equal(isComplete(now, 101), false);
  });

  it('does not count the same number with another hash, of another lineage, or without a hash', async () => {
    for (const part of [{ stateHash: hashOf(101, 2) }, { lineage: 'a' }, { stateHash: Buffer.alloc(0) }]) {
      const { acks, say } = listen();
      say('e1', 101, part);
      assert.deepEqual(summary(await acks.wait(wanted, 0, never())), [['e1', 101, true]]);
    }
  });

  it('counts what says nothing of its lineage by its hash', async () => {
    const { acks, say } = listen();
    say('e1', 101, { lineage: undefined });
    assert.equal(isComplete(await acks.wait(wanted, 0, never()), 101), true);
  });

  it('is not for nobody: without an evaluator it ends at its time', async () => {
    assert.equal(isComplete(await listen().acks.wait(wanted, Date.now() + 5, never()), 101), false);
  });

  it('leaves nothing behind at a signal that goes on, and ends with it', async () => {
    const { acks, say } = listen();
    say('e1', 100);
    const abort = new AbortController();
    let listeners = 0;
    const signal = Object.create(abort.signal, {
      aborted: { get: () => abort.signal.aborted },
      addEventListener: {
        value: (...args: Parameters<AbortSignal['addEventListener']>) => {
          listeners++;
          abort.signal.addEventListener(...args);
        },
      },
      removeEventListener: {
        value: (...args: Parameters<AbortSignal['removeEventListener']>) => {
          listeners--;
          abort.signal.removeEventListener(...args);
        },
      },
    }) as AbortSignal;
    const waiting = acks.wait(wanted, Date.now() + 5_000, signal);
    for (let word = 0; word < 20; word++) {
      say('e1', 100);
      await new Promise(setImmediate);
    }
    assert.equal(listeners, 1);
    say('e1', 101);
    await waiting;
    assert.equal(listeners, 0);
    const cut = acks.wait({ ...wanted, revision: 102 }, Date.now() + 5_000, signal);
    abort.abort();
    assert.equal(isComplete(await cut, 102), false);
  });

  it('is woken by acks of its own set alone', async () => {
    const { acks, say } = listen();
    let looks = 0;
    const hashAt = (revision: number): Promise<Uint8Array | undefined> => {
      looks++;
      return Promise.resolve(revision === 101 ? hashOf(101) : undefined);
    };
    say('e1', 101, { stateHash: hashOf(101, 2) });
    const waiting = acks.wait({ ...wanted, hashAt }, Date.now() + 5_000, never());
    await new Promise(setImmediate);
    for (let word = 0; word < 10; word++) {
      say('e1', 7, { set: { project: 'shop', environment: 'other' } });
      await new Promise(setImmediate);
    }
    assert.equal(looks, 1);
    say('e1', 101);
    await waiting;
    assert.equal(looks, 2);
  });
});
