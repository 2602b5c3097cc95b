import type { CompiledRule, CompiledSpec } from './compiled.js';
import type { CompiledCondition } from './conditions.js';
import type { Names } from './names.js';
import type { Cmab, Condition, ConfigMapping, IdList, JsonText, ParamStore, Rule, Ruleset, Spec } from './ruleset.js';

/**
 * A compiled ruleset: immutable, and shared by any number of evaluations. Everything but `ruleset` is the
 * engine's own. References between entities are slots into this program's arrays, so that a patched
 * program, which has other arrays, resolves them to its own versions.
 */
export interface Program {
  readonly ruleset: Ruleset;
  /** @internal */
  readonly names: Names;
  /** @internal */
  readonly gates: readonly (CompiledSpec | undefined)[];
  /** @internal */
  readonly configs: readonly (CompiledSpec | undefined)[];
  /** @internal */
  readonly layers: readonly (CompiledSpec | undefined)[];
  /** @internal */
  readonly conditions: readonly (CompiledCondition | undefined)[];
  /** @internal The same object as long as conditions, mappings and bandits are the same ones: what plans rely on. */
  readonly links: object;
  /** @internal Undefined unless there are both mappings and rules for them. */
  readonly mappings: ReadonlyMap<string, readonly ConfigMapping[]> | undefined;
  /** @internal */
  readonly overrideRules: ReadonlyMap<string, CompiledRule>;
  /** @internal Undefined when there are none. */
  readonly cmabs: ReadonlyMap<string, Cmab> | undefined;
}

export type CompiledProgram = Program;

/** What to change in one section: new or replaced entities by name, and names to remove. */
export interface SectionChanges<Value> {
  readonly upserts?: Iterable<readonly [string, Value]>;
  readonly deletes?: Iterable<string>;
}

/** Changes to a ruleset, by section. What is left out stays as it is. */
export interface RulesetChanges {
  readonly time?: number;
  /** null removes it. */
  readonly appId?: JsonText | null;
  /** null removes it. */
  readonly defaultEnvironment?: string | null;
  readonly gates?: SectionChanges<Spec>;
  readonly configs?: SectionChanges<Spec>;
  readonly layers?: SectionChanges<Spec>;
  readonly conditions?: SectionChanges<Condition>;
  readonly paramStores?: SectionChanges<ParamStore>;
  readonly cmabs?: SectionChanges<Cmab>;
  readonly overrides?: SectionChanges<readonly ConfigMapping[]>;
  readonly overrideRules?: SectionChanges<Rule>;
  readonly idLists?: SectionChanges<IdList>;
  readonly experimentToLayer?: SectionChanges<string>;
  readonly settings?: SectionChanges<JsonText>;
}
