/**
 * The promise of the change stream, under random harm: SLUICE_FUZZ_RUNS says how many histories are
 * tried, SLUICE_FUZZ_SEED which ones.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { Asker, type DiskFate, FleetMember, Past } from './test/fleet.js';
import { eventually, type Fate, ModelAuthority } from './test/lossy-stream.js';
import { Model } from './test/model.js';
import { randomEntity } from './test/random-entities.js';

const runs = Number(process.env.SLUICE_FUZZ_RUNS ?? 400);
const seed = Number(process.env.SLUICE_FUZZ_SEED ?? 20_261_123);

/** Histories tried at a time: most of one is waiting. */
const lanes = 32;
const members = 3;

const fates: readonly Fate[] = [
  'arrives',
  'arrives',
  'arrives',
  'is lost',
  'comes twice',
  'comes late',
  'is damaged',
  'is elided',
];

type Step =
  | {
      readonly kind: 'change';
      readonly upserts: readonly Entity[];
      readonly doomed: number;
      readonly fates: readonly Fate[];
      readonly seed: number;
    }
  | { readonly kind: 'start' | 'cut' | 'reset' | 'ask'; readonly member: number }
  | {
      readonly kind: 'stop';
      readonly member: number;
      readonly isKilled: boolean;
      readonly disk: DiskFate;
      readonly seed: number;
    }
  | { readonly kind: 'config' }
  | { readonly kind: 'rest'; readonly ms: number };

const member = fc.nat(members - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      upserts: fc.array(randomEntity, { minLength: 1, maxLength: 3 }),
      doomed: fc.nat(15),
      fates: fc.array(fc.constantFrom(...fates), { minLength: members, maxLength: members }),
      seed: fc.nat(1_000_000),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const), member }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('start' as const), member }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('stop' as const),
      member,
      isKilled: fc.boolean(),
      disk: fc.constantFrom<DiskFate>('whole', 'whole', 'damaged', 'half', 'gone'),
      seed: fc.nat(1_000_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('cut' as const, 'reset' as const), member }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'config' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rest' as const), ms: fc.nat(60) }) },
);

interface Fleet {
  readonly model: Model;
  readonly authority: ModelAuthority;
  readonly past: Past;
  readonly replicas: readonly FleetMember[];
  readonly asker: Asker;
  answers: number;
}

function newFleet(): Fleet {
  const model = new Model();
  const authority = new ModelAuthority([model]);
  const past = new Past();
  const replicas = Array.from({ length: members }, () => new FleetMember(authority, past));
  return { model, authority, past, replicas, asker: new Asker(), answers: 0 };
}

async function play(fleet: Fleet, each: Step): Promise<void> {
  if (each.kind === 'config') fleet.authority.isUp = !fleet.authority.isUp;
  else if (each.kind === 'change') change(fleet, each);
  else if (each.kind === 'rest') await delay(each.ms);
  else await harm(fleet, each);
  await new Promise((resolve) => setImmediate(resolve));
}

function change({ model, past, replicas }: Fleet, each: Extract<Step, { kind: 'change' }>): void {
  const wanted = new Map(each.upserts.map((entity) => [`${entity.body?.$case}/${entity.name}`, entity]));
  const [key = '', doomed] = [...model.entities].at(each.doomed) ?? [];
  const isWanted = [...wanted.values()].some(({ name }) => key.endsWith(`/${name}`));
  const frame = model.commit([...wanted.values()], doomed && !isWanted ? [doomed] : []);
  past.note(model);
  for (const [at, replica] of replicas.entries()) replica.publish(frame, each.fates[at] ?? 'arrives', each.seed);
}

async function harm(fleet: Fleet, each: Exclude<Step, { kind: 'change' | 'config' | 'rest' }>): Promise<void> {
  const replica = fleet.replicas[each.member];
  assert(replica);
  if (each.kind === 'start') await replica.start();
  if (each.kind === 'stop') await replica.stop(each.isKilled, each.disk, each.seed);
  if (each.kind === 'cut') replica.stream.isUp = false;
  if (each.kind === 'reset') replica.stream.reset();
  if (each.kind === 'ask' && (await fleet.asker.ask(replica, fleet.past))) fleet.answers++;
}

/** All harm ends, and whoever never came joins now. */
async function heal({ authority, replicas }: Fleet): Promise<void> {
  authority.isUp = true;
  for (const replica of replicas) {
    await replica.start();
    replica.stream.reset();
  }
}

/** @returns how many answers were checked on the way. */
async function live(steps: readonly Step[]): Promise<number> {
  const fleet = newFleet();
  const { model, past, replicas, asker } = fleet;
  try {
    for (const replica of replicas.slice(1)) await replica.start();
    for (const each of steps) await play(fleet, each);
    await heal(fleet);
    if (model.revision === 0) return 0;
    await eventually(() => replicas.every((replica) => replica.isEven(model)), 'everybody holds what config holds');
    for (const replica of replicas) {
      assert.equal(replica.answers(), past.answersAt(model.revision));
      assert(await asker.ask(replica, past), 'an even replica answers');
    }
    return fleet.answers;
  } finally {
    for (const replica of replicas) await replica.remove();
  }
}

describe('replicas of one set', () => {
  it(`end even, answer by revisions that existed, and never go back, in ${runs} histories`, async function () {
    this.timeout(runs * 1_000 + 60_000);
    let answers = 0;
    const history = fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });
    const property = fc.asyncProperty(history, async (steps) => {
      const checked = await live(steps);
      answers += checked;
    });
    const lane = (at: number) =>
      fc.assert(property, { numRuns: Math.ceil(runs / lanes), seed: seed + at, endOnFailure: false });
    await Promise.all(Array.from({ length: lanes }, (_, at) => lane(at)));
    assert(answers > runs, `only ${answers} answers were checked on the way`);
  });
});
