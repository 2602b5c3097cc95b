/** What a ruleset's rarer parts refer to, and is not there. The reference tolerates all of it. */
import type { CompiledCondition } from './conditions.js';
import { parameterKindOf } from './parameter-kind.js';
import type { Program } from './program.js';
import type { ConfigMapping, ParamStore } from './ruleset.js';
import { tryRead } from './value.js';

/** A path below the entity, and what is wrong there. */
export type Finding = readonly [path: string, message: string];

const quote = (name: string): string => JSON.stringify(name);

/** A gate, list or experiment that a condition asks for. */
export function findInCondition({ ruleset }: Program, condition: CompiledCondition): Finding[] {
  const { kind, name } = condition;
  if (kind === 'gate' && !ruleset.gates.has(name)) return [['', `there is no gate ${quote(name)}; it counts as off`]];
  if (kind === 'list' && name !== '' && !ruleset.idLists.has(name)) {
    return [['', `there is no id list ${quote(name)}; it counts as empty`]];
  }
  if (kind === 'group' && !isConfig(ruleset, name)) {
    return [['', `there is no experiment ${quote(name)}; nobody is in a group of it`]];
  }
  return [];
}

/** Parameters whose source is not there. */
export function findInParamStore({ ruleset }: Program, store: ParamStore): Finding[] {
  return Object.entries(store.parameters).flatMap(([parameter, { body }]): Finding[] => {
    const members = tryRead(body);
    const kind = members instanceof Map ? parameterKindOf(members) : undefined;
    if (!(members instanceof Map) || kind === undefined || kind.kind === 'static') return [];
    const field = kind.texts[0] ?? '';
    const name = String(members.get(field));
    if (isThere(ruleset, kind.kind, name)) return [];
    const answer = kind.kind === 'gate' ? 'its fail_value is answered' : 'it has no value';
    return [[`.parameters.${parameter}.${field}`, `there is no ${kind.kind} ${quote(name)}; ${answer}`]];
  });
}

function isThere(ruleset: Program['ruleset'], kind: 'gate' | 'config' | 'experiment' | 'layer', name: string): boolean {
  if (kind === 'gate') return ruleset.gates.has(name);
  return kind === 'layer' ? ruleset.layers.has(name) : isConfig(ruleset, name);
}

function isConfig({ configs, cmabs }: Program['ruleset'], name: string): boolean {
  return configs.has(name) || cmabs.has(name);
}

/** Mappings that lead nowhere or in a circle, and rules that are not there. */
export function findInMappings(program: Program, name: string, mappings: readonly ConfigMapping[]): Finding[] {
  const { ruleset } = program;
  const { gates, layers, overrideRules } = ruleset;
  const findings: Finding[] = mappings.flatMap(({ newConfigName: to, rules }, index): Finding[] => {
    const isKnown = isConfig(ruleset, to) || gates.has(to) || layers.has(to);
    const missing = rules.filter(({ ruleName }) => !overrideRules.has(ruleName));
    return [
      ...(isKnown
        ? []
        : [[`[${index}].newConfigName`, `there is no config ${quote(to)}; the next mapping is tried`] as const]),
      ...missing.map(
        ({ ruleName }): Finding => [
          `[${index}].rules`,
          `there is no override rule ${quote(ruleName)}; it is passed over`,
        ],
      ),
    ];
  });
  const circle = circleOf(program, name);
  if (circle !== undefined)
    findings.push(['', `leads back to itself: ${circle.join(' → ')}; answers fail while the rules pass`]);
  return findings;
}

/** The way from a name back to it, along mappings. Each name is visited once. */
function circleOf({ ruleset: { overrides } }: Program, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const waiting = [start];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    for (const { newConfigName: to } of overrides.get(name) ?? []) {
      if (to === start) return wayTo(name, start, cameFrom).concat(start);
      if (cameFrom.has(to)) continue;
      cameFrom.set(to, name);
      waiting.push(to);
    }
  }
  return undefined;
}

function wayTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [end];
  for (let name = end; name !== start; ) {
    name = cameFrom.get(name) ?? start;
    way.unshift(name);
  }
  return way;
}
