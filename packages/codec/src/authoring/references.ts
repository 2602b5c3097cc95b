import { didYouMean } from '../suggest.js';
import type { ConditionDocument } from './condition-schema.js';
import type { Path } from './problem.js';
import type { ProjectDocument } from './schema.js';
import type { Finding } from './sentences.js';

/** A list of conditions, where it stands and what it belongs to. */
interface Use {
  readonly owner: string;
  readonly path: Path;
  readonly conditions: readonly ConditionDocument[];
}

/** What a schema can't see: names that nothing answers to, circles, slices that overlap. */
export function findBadReferences(document: ProjectDocument): Finding[] {
  const uses = usesOf(document);
  return [
    ...uses.flatMap((use) => danglingIn(use, document)),
    ...circles(uses),
    ...sharedNames(document),
    ...badSlices(document),
    ...strayParameters(document),
  ];
}

function usesOf(document: ProjectDocument): Use[] {
  const uses: Use[] = [];
  const add = (owner: string, path: Path, conditions: readonly ConditionDocument[] | undefined): void => {
    if (conditions) uses.push({ owner, path: [...path, 'when'], conditions });
  };
  for (const [name, segment] of Object.entries(document.segments)) {
    add(`segment ${name}`, ['segments', name], segment.when);
    for (const [index, rule] of (segment.rules ?? []).entries()) {
      add(`segment ${name}`, ['segments', name, 'rules', index], rule.when);
    }
  }
  for (const [name, gate] of Object.entries(document.gates)) {
    for (const [index, rule] of gate.rules.entries()) add(`gate ${name}`, ['gates', name, 'rules', index], rule.when);
  }
  for (const [name, config] of Object.entries(document.configs)) {
    for (const [index, rule] of config.rules.entries()) {
      add(`config ${name}`, ['configs', name, 'rules', index], rule.when);
    }
  }
  for (const [path, name, experiment] of experimentsOf(document)) add(`experiment ${name}`, path, experiment.when);
  return uses;
}

type AnyExperiment = ProjectDocument['layers'][string]['experiments'][string];

function experimentsOf(document: ProjectDocument): [Path, string, AnyExperiment][] {
  const own = Object.entries(document.experiments).map(([name, experiment]): [Path, string, AnyExperiment] => [
    ['experiments', name],
    name,
    experiment,
  ]);
  const layered = Object.entries(document.layers).flatMap(([layer, { experiments }]) =>
    Object.entries(experiments).map(([name, experiment]): [Path, string, AnyExperiment] => [
      ['layers', layer, 'experiments', name],
      name,
      experiment,
    ]),
  );
  return [...own, ...layered];
}

/** What a condition points at: the field that does it, the kind and the name. */
function targetsOf(condition: ConditionDocument): [string, 'segment' | 'gate' | 'experiment', string][] {
  const { segment, not_segment, gate, not_gate, experiment } = condition;
  const targets: [string, 'segment' | 'gate' | 'experiment', string][] = [];
  if (segment !== undefined) targets.push(['segment', 'segment', segment]);
  if (not_segment !== undefined) targets.push(['not_segment', 'segment', not_segment]);
  if (gate !== undefined) targets.push(['gate', 'gate', gate]);
  if (not_gate !== undefined) targets.push(['not_gate', 'gate', not_gate]);
  if (experiment !== undefined) targets.push(['experiment', 'experiment', experiment]);
  return targets;
}

function danglingIn(use: Use, document: ProjectDocument): Finding[] {
  const known = {
    segment: Object.keys(document.segments),
    gate: Object.keys(document.gates),
    experiment: experimentsOf(document).map(([, name]) => name),
  };
  return use.conditions.flatMap((condition, index) =>
    targetsOf(condition)
      .filter(([, kind, name]) => !known[kind].includes(name))
      .map(([field, kind, name]) => ({
        path: [...use.path, index, field],
        message: `there is no ${kind} ${JSON.stringify(name)} in this document${didYouMean(name, known[kind])}`,
      })),
  );
}

/** An entity that, by way of others, depends on itself. Reported once for each circle. */
function circles(uses: readonly Use[]): Finding[] {
  const edges = new Map<string, { to: string; path: Path }[]>();
  for (const { owner, path, conditions } of uses) {
    const targets = conditions.flatMap((condition, index) =>
      targetsOf(condition).map(([field, kind, name]) => ({ to: `${kind} ${name}`, path: [...path, index, field] })),
    );
    edges.set(owner, [...(edges.get(owner) ?? []), ...targets]);
  }
  const findings: Finding[] = [];
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): void => {
    for (const { to, path } of edges.get(node) ?? []) {
      const at = trail.indexOf(to);
      if (at >= 0) findings.push({ path, message: `makes a circle: ${[...trail.slice(at), to].join(' → ')}` });
      else if (!done.has(to)) visit(to, [...trail, to]);
    }
    done.add(node);
  };
  for (const node of edges.keys()) if (!done.has(node)) visit(node, [node]);
  return findings;
}

/** Configs and experiments answer to the same name, wherever they are written. */
function sharedNames(document: ProjectDocument): Finding[] {
  const taken = new Set(Object.keys(document.configs));
  return experimentsOf(document).flatMap(([path, name]) => {
    if (taken.has(name)) return [{ path, message: 'is the name of another config or experiment; choose another' }];
    taken.add(name);
    return [];
  });
}

function badSlices(document: ProjectDocument): Finding[] {
  const reversed = experimentsOf(document)
    .filter(([, , { allocation }]) => allocation.from >= allocation.to)
    .map(([path]) => ({ path: [...path, 'allocation'], message: 'from must be below to' }));
  return [
    ...reversed,
    ...Object.entries(document.layers).flatMap(([name, layer]) => overlaps(name, layer.experiments)),
  ];
}

function overlaps(layer: string, experiments: Readonly<Record<string, AnyExperiment>>): Finding[] {
  const slices = Object.entries(experiments)
    .filter(([, { status }]) => status !== 'stopped')
    .sort(([, left], [, right]) => left.allocation.from - right.allocation.from);
  return slices.flatMap(([name, { allocation }], index) => {
    const previous = slices[index - 1];
    if (!previous || previous[1].allocation.to <= allocation.from) return [];
    const { from, to } = previous[1].allocation;
    const message = `overlaps ${previous[0]} (${from} to ${to}); experiments of one layer share no units`;
    return [{ path: ['layers', layer, 'experiments', name, 'allocation'], message }];
  });
}

function strayParameters(document: ProjectDocument): Finding[] {
  return experimentsOf(document).flatMap(([path, name, experiment]) => {
    const known = Object.keys(
      path[0] === 'layers'
        ? (document.layers[String(path[1])]?.parameters ?? {})
        : (document.experiments[name]?.parameters ?? {}),
    );
    return experiment.groups.flatMap(({ value }, index) =>
      Object.keys(value)
        .filter((parameter) => !known.includes(parameter))
        .map((parameter) => ({
          path: [...path, 'groups', index, 'value', parameter],
          message: `is not among the parameters; give it a default there${didYouMean(parameter, known)}`,
        })),
    );
  });
}
