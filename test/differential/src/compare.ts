/** Rounds of comparison: a document, some users, two evaluators. */
import { isDeepStrictEqual } from 'node:util';
import {
  type Context,
  compile,
  idListKey,
  type LocalOverrides,
  type Program,
  parseStatsigDocument,
  StatsigDocumentError,
} from '@sluice/engine';
import { type Answers, answerByEngine, type Names } from './answers.js';
import { listNames } from './conditions.js';
import { countries } from './countries.js';
import { type DocumentData, writeDocument } from './document.js';
import type { OverrideData, Referee, Surroundings } from './referee.js';
import type { UserData } from './users.js';
import { texts } from './values.js';

/** One entity that was answered differently. */
export interface Mismatch {
  readonly document: DocumentData;
  readonly user: UserData;
  readonly entity: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/** Every second of the known texts is in a list. */
const listed: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  listNames.map((name, index) => [name, texts.filter((_, at) => at % (index + 2) === 0)]),
);

export function makeSurroundings(
  environment: string | null,
  overrides: readonly OverrideData[],
  asked: Pick<Surroundings, 'clients' | 'isExposing'>,
): Surroundings {
  const lists: Record<string, string> = {};
  for (const [name, units] of Object.entries(listed)) {
    lists[name] = units.map((unit) => `+${idListKey(unit)}\n`).join('');
  }
  return { lists, environment, globalCustomFields: { plan: 'global', f1: 'global' }, overrides, ...asked };
}

export function contextOf(surroundings: Surroundings): Context {
  return {
    now: Date.now(),
    // Any number will do but the ends: recording rates are 0 or 1.
    random: 0.5,
    countries,
    globalCustomFields: surroundings.globalCustomFields,
    ...(surroundings.overrides.length > 0 ? { localOverrides: overridesOf(surroundings.overrides) } : {}),
    ...(surroundings.environment === null ? {} : { environment: { tier: surroundings.environment } }),
  };
}

function overridesOf(overrides: readonly OverrideData[]): LocalOverrides {
  const select = <Override>(kinds: readonly OverrideData['kind'][]): Map<string, Override[]> => {
    const byName = new Map<string, Override[]>();
    for (const { kind, name, id, value } of overrides) {
      if (!kinds.includes(kind)) continue;
      const override = { ...(kind === 'group' ? { groupName: value } : { value }), ...(id === null ? {} : { id }) };
      byName.set(name, [...(byName.get(name) ?? []), override as Override]);
    }
    return byName;
  };
  return {
    gates: select(['gate']),
    configs: select(['config']),
    experiments: select(['experiment', 'group']),
    layers: select(['layer']),
  };
}

export function compileDocument(document: DocumentData): Program {
  const { ruleset } = parseStatsigDocument(writeDocument(document));
  const idLists = new Map(Object.entries(listed).map(([name, units]) => [name, new Set(units.map(idListKey))]));
  return compile({ ...ruleset, idLists }).program;
}

/** Undefined where the document is refused. */
function tryCompile(document: DocumentData): Program | undefined {
  try {
    return compileDocument(document);
  } catch (error) {
    if (error instanceof StatsigDocumentError) return undefined;
    throw error;
  }
}

export function namesOf(
  document: DocumentData,
  { clients, isExposing }: Pick<Surroundings, 'clients' | 'isExposing'>,
): Names {
  const stores = Object.entries(document.param_stores ?? {}).map(([name, store]) => [
    name,
    // Nothing is sure in a document that was spoiled.
    [...Object.keys(store?.parameters ?? {}), 'no-such-parameter'],
  ]);
  return {
    gates: [...Object.keys(document.feature_gates), 'no-such-gate'],
    configs: [...Object.keys(document.dynamic_configs), ...Object.keys(document.cmab_configs ?? {}), 'no-such-config'],
    layers: [...Object.keys(document.layer_configs), 'no-such-layer'],
    stores: { ...Object.fromEntries(stores), 'no-such-store': ['a'] },
    clients,
    isExposing,
  };
}

/** Compares all entities of a document for all users, or whether it is refused. */
export async function compareDocument(
  referee: Referee,
  document: DocumentData,
  users: readonly UserData[],
  surroundings: Surroundings,
): Promise<{ comparisons: number; mismatches: Mismatch[] }> {
  const program = tryCompile(document);
  const names = namesOf(document, surroundings);
  const isLoaded = await referee.load(writeDocument(document), surroundings);
  if (isLoaded !== (program !== undefined)) {
    const mismatch = {
      entity: 'document',
      ours: program ? 'loaded' : 'refused',
      theirs: isLoaded ? 'loaded' : 'refused',
    };
    return { comparisons: 1, mismatches: [{ document, user: users[0] ?? {}, ...mismatch }] };
  }
  if (program === undefined) return { comparisons: 1, mismatches: [] };
  const theirs = await referee.ask(names, users);
  const context = contextOf(surroundings);
  let comparisons = 0;
  const mismatches: Mismatch[] = [];
  for (const [index, user] of users.entries()) {
    // Both sides as they come out of JSON: the reference's answers have crossed a process.
    const ours: Answers = JSON.parse(JSON.stringify(answerByEngine(program, names, user, context)));
    const answers = theirs[index] ?? {};
    for (const entity of new Set([...Object.keys(answers), ...Object.keys(ours)])) {
      comparisons++;
      if (!isDeepStrictEqual(ours[entity], answers[entity])) {
        mismatches.push({ document, user, entity, ours: ours[entity], theirs: answers[entity] });
      }
    }
  }
  return { comparisons, mismatches };
}
