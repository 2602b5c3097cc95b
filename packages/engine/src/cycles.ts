/** Entities that ask for themselves: gates through conditions, configs through delegates and groups. */
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

interface Visit {
  readonly node: Node;
  readonly targets: readonly Node[];
  next: number;
}

/** Walks depth first from the given entities, without recursion; each cycle is found once. */
export function findCycles(program: Program, starts: readonly Node[]): Cycle[] {
  const cycles: Cycle[] = [];
  const done = new Set<string>();
  for (const start of starts) {
    if (!done.has(keyOf(start))) walk(program, start, done, cycles);
  }
  return cycles;
}

function walk(program: Program, start: Node, done: Set<string>, cycles: Cycle[]): void {
  const open = new Map<string, number>();
  const visits: Visit[] = [];
  const enter = (node: Node): void => {
    open.set(keyOf(node), visits.length);
    visits.push({ node, targets: targetsOf(program, node), next: 0 });
  };
  enter(start);
  for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
    const target = visit.targets[visit.next++];
    if (target === undefined) {
      visits.pop();
      open.delete(keyOf(visit.node));
      done.add(keyOf(visit.node));
      continue;
    }
    const key = keyOf(target);
    const from = open.get(key);
    if (from !== undefined) {
      const path = [...visits.slice(from).map(({ node }) => nameOf(program, node)), nameOf(program, target)];
      cycles.push({ node: target, path });
    } else if (!done.has(key)) {
      enter(target);
    }
  }
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
