/**
 * The promise of the change stream, under random harm: of each history the followers of evaluators
 * and the SDKs behind their relays end even, and answer as the plain twin does. SLUICE_FUZZ_RUNS
 * says how many histories are tried, SLUICE_FUZZ_SEED which ones.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { eventually, type Fate, ModelAuthority } from '../../../packages/replica/dist/test/lossy-stream.js';
import { demo, Model } from '../../../packages/replica/dist/test/model.js';
import { Asker, type DiskFate, FleetMember, Past } from './fleet/fleet.js';
import { randomEntity } from './fleet/random-entities.js';
import type { Harm } from './fleet/sdk-reader.js';

const runs = Number(process.env.SLUICE_FUZZ_RUNS ?? 250);
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
  | { readonly kind: 'start' | 'cut' | 'reset' | 'reconnect' | 'ask'; readonly member: number }
  | {
      readonly kind: 'stop';
      readonly member: number;
      readonly isKilled: boolean;
      readonly disk: DiskFate;
      readonly seed: number;
    }
  | { readonly kind: 'spoil'; readonly member: number; readonly harm: Harm }
  | { readonly kind: 'config' }
  | { readonly kind: 'anew' }
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
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('cut' as const, 'reset' as const, 'reconnect' as const), member }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('spoil' as const),
      member,
      harm: fc.constantFrom<Harm>('is lost', 'comes twice'),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'config' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'anew' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rest' as const), ms: fc.nat(60) }) },
);

interface Fleet {
  /** Another one once config was made anew. */
  model: Model;
  histories: number;
  readonly authority: ModelAuthority;
  readonly past: Past;
  readonly replicas: readonly FleetMember[];
  readonly asker: Asker;
  answers: number;
}

/** Later ones sort after earlier ones, and no damage makes one of another. */
function lineageOf(history: number): string {
  const number = String(history).padStart(4, '0');
  return `${number}-${createHash('sha256').update(number).digest('hex').slice(0, 16)}`;
}

/** Config's database is made anew: it counts from 1 again, and what was held belongs to a set that is gone. */
function makeAnew(fleet: Fleet): void {
  // Of a set that has no revision yet config says nothing, so nobody could know.
  if (fleet.model.revision === 0) return;
  const entities = [...fleet.model.entities.values()].slice(0, 1);
  fleet.model = new Model(demo, lineageOf(++fleet.histories));
  fleet.model.commit(entities);
  fleet.past.note(fleet.model);
  fleet.authority.replace([fleet.model]);
}

function newFleet(): Fleet {
  const model = new Model(demo, lineageOf(1));
  const authority = new ModelAuthority([model]);
  const past = new Past();
  const replicas = Array.from({ length: members }, () => new FleetMember(authority, past));
  return { model, histories: 1, authority, past, replicas, asker: new Asker(), answers: 0 };
}

async function play(fleet: Fleet, each: Step): Promise<void> {
  if (each.kind === 'config') fleet.authority.isUp = !fleet.authority.isUp;
  else if (each.kind === 'anew') makeAnew(fleet);
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

async function harm(fleet: Fleet, each: Exclude<Step, { kind: 'change' | 'config' | 'anew' | 'rest' }>): Promise<void> {
  const replica = fleet.replicas[each.member];
  assert(replica);
  if (each.kind === 'start') await replica.start();
  if (each.kind === 'stop') await replica.stop(each.isKilled, each.disk, each.seed);
  if (each.kind === 'cut') replica.stream.isUp = false;
  if (each.kind === 'reset') replica.stream.reset();
  if (each.kind === 'reconnect') await replica.reconnect();
  if (each.kind === 'spoil') replica.spoil(each.harm);
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
  const { past, replicas, asker } = fleet;
  try {
    for (const replica of replicas.slice(1)) await replica.start();
    for (const each of steps) await play(fleet, each);
    await heal(fleet);
    const { model } = fleet;
    if (model.revision === 0) return 0;
    await eventually(() => replicas.every((replica) => replica.isEven(model)), 'everybody holds what config holds');
    for (const replica of replicas) {
      replica.check();
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
