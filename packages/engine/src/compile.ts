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

export interface CompileOptions {
  /** Entities that are the same objects as in this program's ruleset keep their compiled form. */
  readonly previous?: Program | undefined;
}

/** Never throws on data: what cannot be evaluated is a problem, and is answered as the reference answers it. */
export function compile(ruleset: Ruleset, options: CompileOptions = {}): Compilation {
  const previous = options.previous;
  const names = previous?.names ?? new Names();
  const program: Program = {
    ruleset,
    names,
    conditions: compileSection(names.conditions, ruleset.conditions, {
      make: (condition) => compileCondition(condition, names),
      reuse: (id, condition) => reuseCompiled(names.conditions, previous?.conditions, id, condition),
    }),
    gates: compileSpecs(names, names.gates, ruleset.gates, previous?.gates),
    configs: compileSpecs(names, names.configs, ruleset.configs, previous?.configs),
    layers: compileSpecs(names, names.layers, ruleset.layers, previous?.layers),
    ...linkExtras(ruleset, names),
  };
  names.fit();
  return { program, problems: findProblems(program) };
}

interface Maker<Authored, Compiled> {
  make(authored: Authored): Compiled;
  reuse(name: string, authored: Authored): Compiled | undefined;
}

function compileSection<Authored, Compiled>(
  table: SlotTable,
  entities: ReadonlyMap<string, Authored>,
  maker: Maker<Authored, Compiled>,
): (Compiled | undefined)[] {
  const compiled: (Compiled | undefined)[] = [];
  for (const [name, authored] of entities) {
    const slot = table.take(name);
    while (compiled.length < slot) compiled.push(undefined);
    compiled[slot] = maker.reuse(name, authored) ?? maker.make(authored);
  }
  return compiled;
}

function compileSpecs(
  names: Names,
  table: SlotTable,
  specs: ReadonlyMap<string, Spec>,
  previous: readonly (CompiledSpec | undefined)[] | undefined,
): (CompiledSpec | undefined)[] {
  return compileSection(table, specs, {
    make: (spec) => new CompiledSpec(spec, names),
    reuse: (name, spec) => reuseCompiled(table, previous, name, spec),
  });
}

function reuseCompiled<Compiled extends { readonly authored: unknown }>(
  table: SlotTable,
  previous: readonly (Compiled | undefined)[] | undefined,
  name: string,
  authored: unknown,
): Compiled | undefined {
  const slot = previous === undefined ? undefined : table.find(name);
  const compiled = slot === undefined ? undefined : previous?.[slot];
  return compiled?.authored === authored ? compiled : undefined;
}

/** Sections that are looked up by name as they are. */
function linkExtras(ruleset: Ruleset, names: Names): Pick<Program, 'mappings' | 'overrideRules' | 'cmabs'> {
  const hasMappings = ruleset.overrides.size > 0 && ruleset.overrideRules.size > 0;
  const overrideRules = new Map<string, CompiledRule>();
  for (const [name, rule] of ruleset.overrideRules) overrideRules.set(name, new CompiledRule(rule, names));
  return {
    mappings: hasMappings ? ruleset.overrides : undefined,
    overrideRules,
    cmabs: ruleset.cmabs.size > 0 ? ruleset.cmabs : undefined,
  };
}

/**
 * The program after some changes; its cost is that of the changes. The old program stays valid and answers
 * as before. Problems are those of the changed entities.
 */
export function patch(program: Program, changes: RulesetChanges): Compilation {
  const ruleset = changeRuleset(program.ruleset, changes);
  const names = program.names;
  const patched: Program = {
    ruleset,
    names,
    conditions: patchSection<Condition, CompiledCondition>(
      names.conditions,
      program.conditions,
      changes.conditions,
      (condition) => compileCondition(condition, names),
    ),
    gates: patchSpecs(names, names.gates, program.gates, changes.gates),
    configs: patchSpecs(names, names.configs, program.configs, changes.configs),
    layers: patchSpecs(names, names.layers, program.layers, changes.layers),
    ...(hasExtraChanges(changes) ? linkExtras(ruleset, names) : extrasOf(program)),
  };
  names.fit();
  return { program: patched, problems: findProblemsOfChanges(patched, changes) };
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
  return patchSection(table, compiled, changes, (spec) => new CompiledSpec(spec, names));
}

/** Copies the array of a changed section: 10,000 pointers take some 10 µs. */
function patchSection<Authored, Compiled>(
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
