/** What is wrong with a ruleset, with paths that an author can find. */
import type { CompiledRule, CompiledSpec } from './compiled.js';
import { findCycles, type Node } from './cycles.js';
import { isWellFormed, JsonSyntaxError, readJson } from './json-text.js';
import type { Problem } from './problem.js';
import type { Program, RulesetChanges } from './program.js';
import { type Finding, findInCondition, findInMappings, findInParamStore } from './references.js';
import type { Cmab, ParamStore, Rule } from './ruleset.js';

/** Every problem of a program's ruleset. */
export function findProblems(program: Program): Problem[] {
  const { gates, configs, layers, conditions, paramStores, cmabs, overrides, overrideRules } = program.ruleset;
  return new Inspection(program).inspect({
    gates: gates.keys(),
    configs: configs.keys(),
    layers: layers.keys(),
    conditions: conditions.keys(),
    paramStores: paramStores.keys(),
    cmabs: cmabs.keys(),
    overrides: overrides.keys(),
    overrideRules: overrideRules.keys(),
  });
}

/** Problems of the entities that some changes replaced or added. */
export function findProblemsOfChanges(program: Program, changes: RulesetChanges): Problem[] {
  return new Inspection(program).inspect({
    gates: namesOf(changes.gates?.upserts),
    configs: namesOf(changes.configs?.upserts),
    layers: namesOf(changes.layers?.upserts),
    conditions: namesOf(changes.conditions?.upserts),
    paramStores: namesOf(changes.paramStores?.upserts),
    cmabs: namesOf(changes.cmabs?.upserts),
    overrides: namesOf(changes.overrides?.upserts),
    overrideRules: namesOf(changes.overrideRules?.upserts),
  });
}

function* namesOf(entries: Iterable<readonly [string, unknown]> | undefined): Iterable<string> {
  for (const [name] of entries ?? []) yield name;
}

/** Names to look at, by section. */
type Inspected = Readonly<
  Record<
    'gates' | 'configs' | 'layers' | 'conditions' | 'paramStores' | 'cmabs' | 'overrides' | 'overrideRules',
    Iterable<string>
  >
>;

type SpecSection = 'gates' | 'configs' | 'layers';

class Inspection {
  readonly #program: Program;
  readonly #problems: Problem[] = [];
  /** Texts that are known to be JSON; `false` and `{}` come by the thousand. */
  readonly #checked = new Set<string>(['true', 'false', 'null', '{}']);

  constructor(program: Program) {
    this.#program = program;
  }

  inspect(names: Inspected): Problem[] {
    const starts: Node[] = [];
    for (const section of ['gates', 'configs', 'layers'] as const) {
      for (const name of names[section]) {
        const slot = this.#program.names[section].find(name);
        const spec = slot === undefined ? undefined : this.#program[section][slot];
        if (slot === undefined || spec === undefined) continue;
        this.#inspectSpec(spec, `${section}.${name}`);
        starts.push({ section, slot });
      }
    }
    for (const name of names.conditions) this.#inspectCondition(name);
    for (const name of names.paramStores) this.#inspectParamStore(this.#program.ruleset.paramStores.get(name), name);
    for (const name of names.cmabs) this.#inspectCmab(this.#program.ruleset.cmabs.get(name), `cmabs.${name}`);
    for (const name of names.overrides) {
      const mappings = this.#program.ruleset.overrides.get(name) ?? [];
      this.#warn(`overrides.${name}`, findInMappings(this.#program, name, mappings));
    }
    for (const name of names.overrideRules) {
      const rule = this.#program.overrideRules.get(name);
      if (rule !== undefined) this.#inspectRule(rule, `overrideRules.${name}`);
    }
    for (const { node, path } of findCycles(this.#program, starts)) {
      const name = nameAt(this.#program, node.section, node.slot);
      this.#report(`${node.section}.${name}`, `asks for itself: ${path.join(' → ')}`);
    }
    return this.#problems;
  }

  #report(path: string, message: string, severity: Problem['severity'] = 'error'): void {
    this.#problems.push({ path, message, severity });
  }

  #inspectSpec(spec: CompiledSpec, path: string): void {
    this.#inspectJson(spec.authored.defaultValue, `${path}.defaultValue`);
    for (const [index, rule] of spec.rules.entries()) this.#inspectRule(rule, `${path}.rules[${index}]`);
  }

  #inspectRule(rule: CompiledRule, path: string): void {
    const { authored } = rule;
    this.#inspectJson(authored.returnValue, `${path}.returnValue`);
    this.#inspectPercentage(authored, path);
    for (const [index, slot] of rule.conditions.entries()) {
      if (this.#program.conditions[slot] === undefined) {
        const id = JSON.stringify(authored.conditions[index]);
        this.#report(`${path}.conditions[${index}]`, `there is no condition ${id}`);
      }
    }
    if (rule.delegateSlot >= 0 && this.#program.configs[rule.delegateSlot] === undefined) {
      const name = JSON.stringify(authored.configDelegate);
      this.#report(`${path}.configDelegate`, `there is no config ${name}; the rule decides itself`, 'warning');
    }
  }

  #inspectPercentage({ passPercentage }: Rule, path: string): void {
    if (Number.isNaN(passPercentage)) this.#report(`${path}.passPercentage`, 'is not a number');
    else if (passPercentage < 0 || passPercentage > 100) {
      this.#report(`${path}.passPercentage`, `${passPercentage} is outside 0 to 100`, 'warning');
    }
  }

  #inspectCondition(id: string): void {
    const slot = this.#program.names.conditions.find(id);
    const condition = slot === undefined ? undefined : this.#program.conditions[slot];
    if (condition === undefined) return;
    for (const { message, severity } of condition.problems) this.#report(`conditions.${id}`, message, severity);
    this.#warn(`conditions.${id}`, findInCondition(this.#program, condition));
  }

  #warn(path: string, findings: readonly Finding[]): void {
    for (const [below, message] of findings) this.#report(`${path}${below}`, message, 'warning');
  }

  #inspectParamStore(store: ParamStore | undefined, name: string): void {
    for (const [parameter, { body }] of Object.entries(store?.parameters ?? {})) {
      this.#inspectJson(body, `paramStores.${name}.parameters.${parameter}`);
    }
    if (store !== undefined) this.#warn(`paramStores.${name}`, findInParamStore(this.#program, store));
  }

  #inspectCmab(cmab: Cmab | undefined, path: string): void {
    if (cmab === undefined) return;
    this.#inspectJson(cmab.defaultValue, `${path}.defaultValue`);
    for (const [index, group] of cmab.groups.entries()) {
      this.#inspectJson(group.parameterValues, `${path}.groups[${index}].parameterValues`);
    }
    const gate = cmab.targetingGateName;
    if (gate !== undefined && !this.#program.ruleset.gates.has(gate)) {
      this.#report(
        `${path}.targetingGateName`,
        `there is no gate ${JSON.stringify(gate)}; it counts as off`,
        'warning',
      );
    }
  }

  #inspectJson(text: string, path: string): void {
    if (this.#checked.has(text)) return;
    try {
      readJson(text);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      if (isWellFormed(text)) this.#report(path, `can't be read: ${error.message}; it counts as empty`, 'warning');
      else this.#report(path, `is not JSON: ${error.message}`);
    }
  }
}

function nameAt(program: Program, section: SpecSection, slot: number): string {
  return program[section][slot]?.authored.name ?? '';
}
