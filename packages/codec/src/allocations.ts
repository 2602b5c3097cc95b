import { type Condition, type Entity, type Rule, Section, type Spec } from '@sluice/proto';
import type { EntityChangeSet, EntityProblem, EntityTable } from './entity-table.js';
import { entityKey, sectionOf } from './sections.js';

/** Buckets that `user_bucket` cuts units into. */
const buckets = 1_000;

/** The buckets that a layer's rule gives to an experiment. */
interface Slice {
  readonly experiment: string;
  readonly path: string;
  /** Salt and id type: only slices of the same cut can share units knowingly. */
  readonly cut: string;
  /** 1 for each bucket that is inside. */
  readonly inside: Uint8Array;
}

/**
 * Experiments of one layer that are given the same buckets: whichever comes first takes the
 * other's units. Looks at layers that were written, and at those whose conditions were.
 */
export function findOverlaps({ before, after, upserts }: EntityChangeSet): EntityProblem[] {
  return layersToSee(after, upserts).flatMap((layer) => {
    const key = entityKey(layer);
    const old = new Set(pairsOf(before.get(key)?.entity, before).map(({ names }) => names));
    return pairsOf(layer, after).map(({ names, path, message }) => ({ key, path, message, isOld: old.has(names) }));
  });
}

function layersToSee(after: EntityTable, upserts: readonly Entity[]): Entity[] {
  const written = new Set(upserts.map(entityKey));
  const conditions = new Set(upserts.filter((one) => sectionOf(one) === Section.CONDITION).map(({ name }) => name));
  const layers: Entity[] = [];
  for (const key of after.keys()) {
    if (!key.startsWith('layer/')) continue;
    const entity = after.get(key)?.entity;
    if (entity?.body?.$case !== 'layer') continue;
    const isTouched = entity.body.value.rules.some((rule) => rule.conditionIds.some((id) => conditions.has(id)));
    if (written.has(key) || isTouched) layers.push(entity);
  }
  return layers;
}

interface Pair {
  readonly names: string;
  readonly path: string;
  readonly message: string;
}

function pairsOf(layer: Entity | undefined, table: EntityTable): Pair[] {
  if (layer?.body?.$case !== 'layer') return [];
  const slices = slicesOf(layer.body.value, table);
  const pairs: Pair[] = [];
  for (const cut of new Set(slices.map((slice) => slice.cut))) {
    const taken: (Slice | undefined)[] = [];
    for (const slice of slices.filter((one) => one.cut === cut)) claim(slice, taken, pairs);
  }
  return pairs;
}

/** Reports each earlier slice that holds buckets of this one, then takes what is free. */
function claim(slice: Slice, taken: (Slice | undefined)[], pairs: Pair[]): void {
  const shared = new Map<Slice, number[]>();
  for (let bucket = 0; bucket < buckets; bucket++) {
    if (slice.inside[bucket] !== 1) continue;
    const owner = taken[bucket];
    if (owner === undefined) taken[bucket] = slice;
    else if (owner.experiment !== slice.experiment) shared.set(owner, [...(shared.get(owner) ?? []), bucket]);
  }
  for (const [owner, numbers] of shared) {
    const message =
      `${slice.experiment} and ${owner.experiment} are both given ${spell(numbers)} of ${buckets}; ` +
      'experiments of one layer share no units, so move one of them';
    pairs.push({ names: `${owner.experiment}\n${slice.experiment}`, path: slice.path, message });
  }
}

function spell(numbers: readonly number[]): string {
  const [first = 0] = numbers;
  const last = numbers.at(-1) ?? first;
  return first === last ? `bucket ${first}` : `${numbers.length} buckets from ${first} to ${last}`;
}

function slicesOf({ rules }: Spec, table: EntityTable): Slice[] {
  return rules.flatMap((rule, index) => sliceOf(rule, index, table) ?? []);
}

/** Undefined for a rule that allocates nothing: without an experiment, without buckets, or at 0 %. */
function sliceOf({ configDelegate, conditionIds, passPercentage }: Rule, index: number, table: EntityTable) {
  if (configDelegate === undefined || configDelegate === '' || passPercentage <= 0) return undefined;
  let slice: Slice | undefined;
  for (const id of conditionIds) {
    const body = table.get(entityKey({ section: Section.CONDITION, name: id }))?.entity.body;
    if (body?.$case !== 'condition' || body.value.type !== 'user_bucket') continue;
    const test = testOf(body.value);
    if (!test) continue;
    const cut = JSON.stringify([body.value.additionalValues.salt ?? '', body.value.idType]);
    slice ??= { experiment: configDelegate, path: `rules[${index}]`, cut, inside: new Uint8Array(buckets).fill(1) };
    if (slice.cut !== cut) continue;
    for (let bucket = 0; bucket < buckets; bucket++) if (!test(bucket)) slice.inside[bucket] = 0;
  }
  return slice;
}

function testOf({ operator, targetValueJson }: Condition): ((bucket: number) => boolean) | undefined {
  const target = parsed(targetValueJson);
  if (Array.isArray(target)) {
    const listed = new Set(target.map(Number));
    if (operator === 'any') return (bucket) => listed.has(bucket);
    return operator === 'none' ? (bucket) => !listed.has(bucket) : undefined;
  }
  const limit = Number(target);
  if (target === undefined || target === null || Number.isNaN(limit)) return undefined;
  if (operator === 'gte') return (bucket) => bucket >= limit;
  if (operator === 'gt') return (bucket) => bucket > limit;
  if (operator === 'lt') return (bucket) => bucket < limit;
  return operator === 'lte' ? (bucket) => bucket <= limit : undefined;
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
