/** Entities that ask for themselves: gates through conditions, configs through delegates and groups. */
import { findCirclesFrom } from './circles.js';
import type { Program } from './program.js';

/** An entity by section and slot. */
export interface Node {
  readonly section: 'gates' | 'configs' | 'layers';
  readonly slot: number;
}

/** A cycle: where it was entered, and the names along it. */
export interface Cycle {
  readonly node: Node;
  readonly path: readonly string[];
}

/** Each cycle that can be reached from the given entities, once. */
export function findCycles(program: Program, starts: readonly Node[]): Cycle[] {
  return findCirclesFrom(starts, keyOf, (node) => targetsOf(program, node)).flatMap((circle) => {
    const node = circle.at(-1);
    return node ? { node, path: circle.map((one) => nameOf(program, one)) } : [];
  });
}

function keyOf({ section, slot }: Node): string {
  return `${section}:${slot}`;
}

function nameOf(program: Program, { section, slot }: Node): string {
  return program[section][slot]?.authored.name ?? '';
}

/** Everything that an entity may ask for while it is evaluated. */
function targetsOf(program: Program, { section, slot }: Node): Node[] {
  const targets: Node[] = [];
  for (const rule of program[section][slot]?.rules ?? []) {
    if (rule.delegateSlot >= 0) targets.push({ section: 'configs', slot: rule.delegateSlot });
    for (const conditionSlot of rule.conditions) {
      const condition = program.conditions[conditionSlot];
      if (condition?.kind === 'gate') targets.push({ section: 'gates', slot: condition.gateSlot });
      if (condition?.kind !== 'group') continue;
      const experiment = program.names.configs.find(condition.name);
      if (experiment !== undefined) targets.push({ section: 'configs', slot: experiment });
    }
  }
  return targets.filter((target) => program[target.section][target.slot] !== undefined);
}
