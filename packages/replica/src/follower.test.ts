import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equalHashes } from '@sluice/codec';
import { silentLogger } from '@sluice/mesh';
import fc from 'fast-check';
import { Disk } from './disk.js';
import { type Applied, Follower } from './follower.js';
import { Holdings } from './holdings.js';
import { eventually, type Fate, LossyStream, ModelAuthority } from './test/lossy-stream.js';
import { demo, gateEntity, keyEntity, Model } from './test/model.js';

interface World {
  readonly model: Model;
  readonly stream: LossyStream;
  readonly authority: ModelAuthority;
  readonly directory: string;
}

interface Life {
  readonly holdings: Holdings;
  readonly follower: Follower;
  readonly applied: Applied[];
}

async function withWorld(run: (world: World) => Promise<void>): Promise<void> {
  const model = new Model();
  const directory = await mkdtemp(join(tmpdir(), 'sluice-follower-'));
  try {
    await run({ model, stream: new LossyStream(), authority: new ModelAuthority([model]), directory });
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function live({ stream, authority, directory }: World): Promise<Life> {
  const holdings = new Holdings();
  const applied: Applied[] = [];
  const follower = new Follower({
    holdings,
    disk: new Disk({ directory, logger: silentLogger, restMs: 5 }),
    source: stream,
    authority,
    logger: silentLogger,
    onApplied: (each) => applied.push(each),
    pollMs: 20,
    pollWithoutStreamMs: 20,
  });
  await follower.start();
  return { holdings, follower, applied };
}

/** Holds what config holds. */
function isEven({ model }: World, { holdings }: Life): boolean {
  const state = holdings.get(demo);
  return state?.revision === model.revision && equalHashes(state.stateHash, model.stateHash);
}

describe('a follower', () => {
  it('applies what the stream brings, and says so once each', () =>
    withWorld(async (world) => {
      const life = await live(world);
      for (const percent of [1, 2, 3]) world.stream.publish(world.model.commit([gateEntity('a', percent)]), 'arrives');
      await eventually(() => isEven(world, life), 'even');
      assert.deepEqual(
        life.applied.map(({ state, cause }) => [state.revision, cause]),
        [
          [1, 'stream'],
          [2, 'stream'],
          [3, 'stream'],
        ],
      );
      await life.follower.close();
      assert.equal(world.authority.fetches, 0);
    }));

  it('finds sets that the stream never named', () =>
    withWorld(async (world) => {
      world.model.commit([gateEntity('a', 1)]);
      const life = await live(world);
      await eventually(() => isEven(world, life), 'even');
      assert.equal(life.follower.isSettled(), true);
      await life.follower.close();
    }));

  it('is settled when config says that there is nothing, not before', () =>
    withWorld(async (world) => {
      world.authority.isUp = false;
      const life = await live(world);
      assert.equal(life.follower.isSettled(), false);
      world.authority.isUp = true;
      await eventually(() => life.follower.isSettled(), 'settled');
      assert.equal(life.holdings.size, 0);
      await life.follower.close();
    }));

  it('hears of changes while the stream is dead', () =>
    withWorld(async (world) => {
      const life = await live(world);
      world.stream.isUp = false;
      for (const percent of [1, 2]) {
        world.stream.publish(world.model.commit([gateEntity('a', percent)]), 'arrives');
        await eventually(() => isEven(world, life), 'even');
      }
      await life.follower.close();
    }));

  it('starts from disk with everything dead, and says how old it is', () =>
    withWorld(async (world) => {
      const before = await live(world);
      world.stream.publish(world.model.commit([gateEntity('a', 1), keyEntity('k', 'demo', 'production')]), 'arrives');
      await eventually(() => isEven(world, before), 'even');
      await before.follower.close();
      world.stream.isUp = false;
      world.authority.isUp = false;
      const after = await live(world);
      assert(isEven(world, after));
      assert.equal(after.applied[0]?.cause, 'disk');
      assert.equal(after.holdings.findGrant('k')?.project, 'demo');
      assert((after.holdings.standing(demo)?.ageMs ?? Number.NaN) < 5_000);
      await after.follower.close();
    }));

  it('catches up from the stream while config is dead', () =>
    withWorld(async (world) => {
      const before = await live(world);
      world.stream.publish(world.model.commit([gateEntity('a', 1)]), 'arrives');
      await eventually(() => isEven(world, before), 'even');
      await before.follower.close();
      for (const percent of [2, 3, 4]) world.stream.publish(world.model.commit([gateEntity('a', percent)]), 'arrives');
      world.authority.isUp = false;
      const after = await live(world);
      await eventually(() => isEven(world, after), 'even');
      assert.equal(world.authority.fetches, 0);
      await after.follower.close();
    }));

  it('fetches once for a burst with a gap', () =>
    withWorld(async (world) => {
      const life = await live(world);
      world.stream.publish(world.model.commit([gateEntity('a', 1)]), 'arrives');
      world.stream.publish(world.model.commit([gateEntity('a', 2)]), 'is lost');
      for (const percent of [3, 4, 5]) world.stream.publish(world.model.commit([gateEntity('a', percent)]), 'arrives');
      await eventually(() => isEven(world, life), 'even');
      assert.equal(world.authority.fetches, 1);
      // Whatever way it took, what it hands on is one chain.
      let revision = 0;
      for (const { delta } of life.applied) {
        assert.equal(delta.previousRevision, revision);
        revision = delta.revision;
      }
      await life.follower.close();
    }));

  it('is told its age by the authority, also when nothing changes', () =>
    withWorld(async (world) => {
      world.stream.publish(world.model.commit([gateEntity('a', 1)]), 'arrives');
      const life = await live(world);
      await eventually(() => isEven(world, life), 'even');
      const freshAtMs = (): number => Date.now() - (life.holdings.standing(demo)?.ageMs ?? Number.NaN);
      const heldSinceMs = freshAtMs();
      await eventually(() => freshAtMs() > heldSinceMs + 400, 'told again');
      assert.equal(life.applied.length, 1);
      world.authority.isUp = false;
      await eventually(() => (life.holdings.standing(demo)?.ageMs ?? 0) > 400, 'older');
      await life.follower.close();
    }));

  it('ends where config is, whatever happens to frames, and never goes back', async function () {
    this.timeout(120_000);
    const fate = fc.constantFrom<Fate>(
      'arrives',
      'arrives',
      'is lost',
      'comes twice',
      'comes late',
      'is damaged',
      'is elided',
    );
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('change'), fate, seed: fc.nat(), gate: fc.nat(4) }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom({ kind: 'restart' }, { kind: 'config' }, { kind: 'cut' }, { kind: 'reset' }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) =>
        withWorld(async (world) => {
          let life = await live(world);
          let newest = 0;
          const checkLife = (): void => {
            for (const { state } of life.applied.splice(0)) {
              assert(state.revision >= newest, `went back from ${newest} to ${state.revision}`);
              newest = state.revision;
            }
          };
          for (const each of steps) {
            await play(world, each);
            if (each.kind === 'restart') {
              await life.follower.close();
              checkLife();
              life = await live(world);
            }
            await new Promise((resolve) => setImmediate(resolve));
          }
          world.authority.isUp = true;
          world.stream.isUp = true;
          await eventually(() => world.model.revision === 0 || isEven(world, life), 'even');
          checkLife();
          await life.follower.close();
        }),
      ),
      { numRuns: 60 },
    );
  });

  it('says how far config has fallen behind it, once config went back in time, and no longer', () =>
    withWorld(async (world) => {
      const before = new Model();
      for (let percent = 1; percent <= 5; percent++) before.commit([gateEntity('a', percent)]);
      const first = await live({ ...world, authority: new ModelAuthority([before]) });
      await eventually(() => first.holdings.get(demo)?.revision === 5, 'the old history is held');
      await first.follower.close();
      // A backup of revision 3, and another change since.
      for (const percent of [1, 2, 3, 77]) world.model.commit([gateEntity('a', percent)]);
      const second = await live(world);
      const ahead = (): number => {
        const state = second.holdings.get(demo);
        return state ? second.follower.revisionsAhead(state) : -1;
      };
      await eventually(() => ahead() === 1, 'it is known to be ahead');
      assert.equal(second.holdings.get(demo)?.revision, 5);
      world.model.commit([gateEntity('a', 78)]);
      await eventually(() => isEven(world, second) && ahead() === 0, 'config has as many again, and is followed');
      await second.follower.close();
    }));
});

interface Step {
  readonly kind: string;
  readonly fate?: Fate;
  readonly seed?: number;
  readonly gate?: number;
}

async function play({ model, stream, authority }: World, { kind, fate, seed, gate }: Step): Promise<void> {
  if (kind === 'config') authority.isUp = !authority.isUp;
  if (kind === 'cut') stream.isUp = false;
  if (kind === 'reset') stream.reset();
  if (kind !== 'change' || fate === undefined || seed === undefined) return;
  const name = `gate-${gate}`;
  const doomed = seed % 5 === 0 ? model.entities.get(`gate/${name}`) : undefined;
  stream.publish(doomed ? model.commit([], [doomed]) : model.commit([gateEntity(name, seed % 100)]), fate, seed);
}
