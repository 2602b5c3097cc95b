/** From rulesets to programs: all at once, or only what changed. */
import { CompiledRule, CompiledSpec } from './compiled.js';
import { type CompiledCondition, compileCondition } from './conditions.js';
import { Names, type SlotTable } from './names.js';
import { OverlayMap } from './overlay-map.js';
import type { Problem } from './problem.js';
import type { Program, RulesetChanges, SectionChanges } from './program.js';
import type { Condition, Rule, Ruleset, Spec } from './ruleset.js';
import { findProblems, findProblemsOfChanges } from './validate.js';

export interface Compilation {
  readonly program: Program;
  /** Everything that is wrong, in the changed entities when only those were compiled. */
  readonly problems: readonly Problem[];
}

/** Never throws on data: what cannot be evaluated is a problem, and is answered as the reference answers it. */
export function compile(ruleset: Ruleset): Compilation {
  const program = compileProgram(ruleset);
  return { program, problems: findProblems(program) };
}

/**
 * `compile` in steps, without a look for problems: for holders of rulesets that were accepted, and
 * that have other things to do meanwhile. Runs to the end what it has begun at each `next`.
 */
export function* compileSteps(ruleset: Ruleset): Generator<void, Program> {
  const names = new Names();
  // In authored order, ahead of whatever refers to them.
  for (const section of ['gates', 'configs', 'layers'] as const) {
    for (const name of ruleset[section].keys()) names[section].take(name);
  }
  const { gates, configs, layers, conditions } = ruleset;
  names.begin(gates.size + configs.size + layers.size + conditions.size);
  yield;
  return {
    ruleset,
    names,
    conditions: yield* compileSection(names.conditions, conditions, (condition) => compileCondition(condition, names)),
    gates: yield* compileSection(names.gates, gates, (spec) => new CompiledSpec(spec, names)),
    configs: yield* compileSection(names.configs, configs, (spec) => new CompiledSpec(spec, names)),
    layers: yield* compileSection(names.layers, layers, (spec) => new CompiledSpec(spec, names)),
    ...linkExtras(ruleset, names),
    links: {},
  };
}

function compileProgram(ruleset: Ruleset): Program {
  const steps = compileSteps(ruleset);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Entities compiled in one step. */
const stepEntities = 64;

function* compileSection<Authored, Compiled>(
  table: SlotTable,
  entities: ReadonlyMap<string, Authored>,
  make: (authored: Authored) => Compiled,
): Generator<void, (Compiled | undefined)[]> {
  const compiled: (Compiled | undefined)[] = [];
  let seen = 0;
  for (const [name, authored] of entities) {
    if (++seen % stepEntities === 0) yield;
    const slot = table.take(name);
    while (compiled.length < slot) compiled.push(undefined);
    compiled[slot] = make(authored);
  }
  return compiled;
}

/** Sections that are looked up by name as they are. */
function linkExtras(ruleset: Ruleset, names: Names): Pick<Program, 'mappings' | 'overrideRules' | 'cmabs'> {
  const hasMappings = ruleset.overrides.size > 0 && ruleset.overrideRules.size > 0;
  const overrideRules = new Map<string, CompiledRule>();
  for (const name of ruleset.cmabs.keys()) names.configs.take(name);
  for (const [name, rule] of ruleset.overrideRules) overrideRules.set(name, new CompiledRule(rule, names));
  return {
    mappings: hasMappings ? ruleset.overrides : undefined,
    overrideRules,
    cmabs: ruleset.cmabs.size > 0 ? ruleset.cmabs : undefined,
  };
}

/**
 * The program after some changes; its cost is that of the changes, and now and then that of compiling
 * everything. The old program stays valid and answers as before. Problems are those of the changed entities.
 */
export function patch(program: Program, changes: RulesetChanges): Compilation {
  const ruleset = changeRuleset(program.ruleset, changes);
  const patched = program.names.isWorn ? compileProgram(ruleset) : patchProgram(program, ruleset, changes);
  return { program: patched, problems: findProblemsOfChanges(patched, changes) };
}

function patchProgram(program: Program, ruleset: Ruleset, changes: RulesetChanges): Program {
  const names = program.names;
  return {
    ruleset,
    names,
    conditions: patchSection<Condition, CompiledCondition>(
      names,
      names.conditions,
      program.conditions,
      changes.conditions,
      (condition) => compileCondition(condition, names),
    ),
    gates: patchSpecs(names, names.gates, program.gates, changes.gates),
    configs: patchSpecs(names, names.configs, program.configs, changes.configs),
    layers: patchSpecs(names, names.layers, program.layers, changes.layers),
    ...(hasExtraChanges(changes) ? linkExtras(ruleset, names) : extrasOf(program)),
    links: changes.conditions === undefined && !hasExtraChanges(changes) ? program.links : {},
  };
}

function hasExtraChanges(changes: RulesetChanges): boolean {
  return changes.overrides !== undefined || changes.overrideRules !== undefined || changes.cmabs !== undefined;
}

function extrasOf({ mappings, overrideRules, cmabs }: Program): Pick<Program, 'mappings' | 'overrideRules' | 'cmabs'> {
  return { mappings, overrideRules, cmabs };
}

function patchSpecs(
  names: Names,
  table: SlotTable,
  compiled: readonly (CompiledSpec | undefined)[],
  changes: SectionChanges<Spec> | undefined,
): readonly (CompiledSpec | undefined)[] {
  return patchSection(names, table, compiled, changes, (spec) => new CompiledSpec(spec, names));
}

/** Copies the array of a changed section: 10,000 pointers take some 10 µs. */
function patchSection<Authored, Compiled>(
  names: Names,
  table: SlotTable,
  compiled: readonly (Compiled | undefined)[],
  changes: SectionChanges<Authored> | undefined,
  make: (authored: Authored) => Compiled,
): readonly (Compiled | undefined)[] {
  if (changes === undefined) return compiled;
  const patched = compiled.slice();
  for (const name of changes.deletes ?? []) {
    const slot = table.find(name);
    if (slot !== undefined && slot < patched.length) patched[slot] = undefined;
  }
  for (const [name, authored] of changes.upserts ?? []) {
    const slot = table.take(name);
    while (patched.length < slot) patched.push(undefined);
    patched[slot] = make(authored);
    names.wear();
  }
  return patched;
}

function changeRuleset(ruleset: Ruleset, changes: RulesetChanges): Ruleset {
  const { appId, defaultEnvironment, ...kept } = ruleset;
  const newAppId = changes.appId === undefined ? appId : (changes.appId ?? undefined);
  const newEnvironment =
    changes.defaultEnvironment === undefined ? defaultEnvironment : (changes.defaultEnvironment ?? undefined);
  return {
    ...kept,
    time: changes.time ?? ruleset.time,
    gates: changeMap(ruleset.gates, changes.gates),
    configs: changeMap(ruleset.configs, changes.configs),
    layers: changeMap(ruleset.layers, changes.layers),
    conditions: changeMap(ruleset.conditions, changes.conditions),
    paramStores: changeMap(ruleset.paramStores, changes.paramStores),
    cmabs: changeMap(ruleset.cmabs, changes.cmabs),
    overrides: changeMap(ruleset.overrides, changes.overrides),
    overrideRules: changeMap<Rule>(ruleset.overrideRules, changes.overrideRules),
    idLists: changeMap(ruleset.idLists, changes.idLists),
    experimentToLayer: changeMap(ruleset.experimentToLayer, changes.experimentToLayer),
    settings: changeMap(ruleset.settings, changes.settings),
    ...(newAppId === undefined ? {} : { appId: newAppId }),
    ...(newEnvironment === undefined ? {} : { defaultEnvironment: newEnvironment }),
  };
}

function changeMap<Value>(
  map: ReadonlyMap<string, Value>,
  changes: SectionChanges<Value> | undefined,
): ReadonlyMap<string, Value> {
  if (changes === undefined) return map;
  const entries: (readonly [string, Value | undefined])[] = [];
  for (const name of changes.deletes ?? []) entries.push([name, undefined]);
  entries.push(...(changes.upserts ?? []));
  return OverlayMap.change(map, entries);
}
