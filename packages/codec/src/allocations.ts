import { type Condition, type Entity, type Rule, Section, type Spec } from '@sluice/proto';
import type { EntityChangeSet, EntityProblem, EntityTable } from './entity-table.js';
import { entityKey, sectionOf } from './sections.js';

/** Buckets that `user_bucket` cuts units into. */
const buckets = 1_000;
/** Of one layer: whoever has to move so many experiments needs to hear of no more. */
const pairsMax = 20;
/** Pairs of a layer that are known to be old; where there are more, further ones count as new. */
const oldPairsMax = 10_000;

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
export function findOverlaps(change: EntityChangeSet): EntityProblem[] {
  return layersToSee(change.after, change.upserts).flatMap((layer) => overlapsIn(layer, change));
}

/** At most `pairsMax` that are new, and as many that are old. */
function overlapsIn(layer: Entity, { before, after }: EntityChangeSet): EntityProblem[] {
  const key = entityKey(layer);
  const found: { readonly old: EntityProblem[]; readonly new: EntityProblem[] } = { old: [], new: [] };
  let known: ReadonlySet<string> | undefined;
  for (const pair of pairsOf(layer, after)) {
    known ??= namesOfPairs(before.get(key)?.entity, before);
    const isOld = known.has(namesOf(pair));
    const list = isOld ? found.old : found.new;
    if (list.length < pairsMax) list.push({ key, path: pair.slice.path, message: describe(pair), isOld });
    if (found.new.length >= pairsMax) break;
  }
  return [...found.old, ...found.new];
}

function namesOfPairs(layer: Entity | undefined, table: EntityTable): Set<string> {
  const names = new Set<string>();
  for (const pair of pairsOf(layer, table)) {
    if (names.size >= oldPairsMax) break;
    names.add(namesOf(pair));
  }
  return names;
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

/** Two slices of different experiments, and the buckets that both are given. */
interface Pair {
  readonly owner: Slice;
  readonly slice: Slice;
  readonly numbers: readonly number[];
}

const namesOf = ({ owner, slice }: Pair): string => `${owner.experiment}\n${slice.experiment}`;

function describe({ owner, slice, numbers }: Pair): string {
  return (
    `${slice.experiment} and ${owner.experiment} are both given ${spell(numbers)} of ${buckets}; ` +
    'experiments of one layer share no units, so move one of them'
  );
}

/** In the order of the rules, and made one by one: whoever has enough stops. */
function* pairsOf(layer: Entity | undefined, table: EntityTable): Iterable<Pair> {
  if (layer?.body?.$case !== 'layer') return;
  const takenByCut = new Map<string, (Slice | undefined)[]>();
  for (const slice of slicesOf(layer.body.value, table)) {
    const taken = takenByCut.get(slice.cut) ?? [];
    takenByCut.set(slice.cut, taken);
    for (const [owner, numbers] of claim(slice, taken)) yield { owner, slice, numbers };
  }
}

/** Takes the buckets that are free; returns the others by the earlier slice that holds them. */
function claim(slice: Slice, taken: (Slice | undefined)[]): Map<Slice, number[]> {
  const shared = new Map<Slice, number[]>();
  for (let bucket = 0; bucket < buckets; bucket++) {
    if (slice.inside[bucket] !== 1) continue;
    const owner = taken[bucket];
    if (owner === undefined) taken[bucket] = slice;
    else if (owner.experiment !== slice.experiment) {
      const numbers = shared.get(owner);
      if (numbers) numbers.push(bucket);
      else shared.set(owner, [bucket]);
    }
  }
  return shared;
}

function spell(numbers: readonly number[]): string {
  const [first = 0] = numbers;
  const last = numbers.at(-1) ?? first;
  return first === last ? `bucket ${first}` : `${numbers.length} buckets from ${first} to ${last}`;
}

function* slicesOf({ rules }: Spec, table: EntityTable): Iterable<Slice> {
  const cuts = new Map<string, Cut | undefined>();
  const cutOf = (id: string): Cut | undefined => {
    if (!cuts.has(id)) cuts.set(id, readCut(id, table));
    return cuts.get(id);
  };
  for (const [index, rule] of rules.entries()) {
    const slice = sliceOf(rule, index, cutOf);
    if (slice) yield slice;
  }
}

/** What a condition lets through of a cut. */
type Cut = Pick<Slice, 'cut' | 'inside'>;

function readCut(id: string, table: EntityTable): Cut | undefined {
  const body = table.get(entityKey({ section: Section.CONDITION, name: id }))?.entity.body;
  if (body?.$case !== 'condition' || body.value.type !== 'user_bucket') return undefined;
  const test = testOf(body.value);
  if (!test) return undefined;
  const cut = JSON.stringify([body.value.additionalValues.salt ?? '', body.value.idType]);
  return { cut, inside: Uint8Array.from({ length: buckets }, (_, bucket) => Number(test(bucket))) };
}

/** Undefined for a rule that allocates nothing: without an experiment, without buckets, or at 0 %. */
function sliceOf(
  { configDelegate, conditionIds, passPercentage }: Rule,
  index: number,
  cutOf: (id: string) => Cut | undefined,
): Slice | undefined {
  if (configDelegate === undefined || configDelegate === '' || passPercentage <= 0) return undefined;
  let slice: Slice | undefined;
  for (const id of conditionIds) {
    const one = cutOf(id);
    if (!one) continue;
    const { cut, inside } = one;
    slice ??= { experiment: configDelegate, path: `rules[${index}]`, cut, inside: new Uint8Array(buckets).fill(1) };
    if (slice.cut !== cut) continue;
    for (let bucket = 0; bucket < buckets; bucket++) if (inside[bucket] !== 1) slice.inside[bucket] = 0;
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
