import { findCirclesFrom } from '@sluice/engine';
import { spellCircle } from '../circles.js';
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
export function findBadReferences(document: ProjectDocument, isPart = false): Finding[] {
  const uses = usesOf(document);
  return [
    ...(isPart ? [] : dangling(uses, document)),
    ...circles(uses),
    ...sharedNames(document),
    ...sharedGateNames(document),
    ...badSlices(document),
    ...strayParameters(document),
    ...strayGroups(document),
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

/** Suggestions cost a look at every name; a document that is wrong all over needs only a few. */
const suggestionsMax = 20;

function dangling(uses: readonly Use[], document: ProjectDocument): Finding[] {
  const known = {
    segment: new Set(Object.keys(document.segments)),
    gate: new Set([...Object.keys(document.gates), ...Object.keys(document.holdouts)]),
    experiment: new Set(experimentsOf(document).map(([, name]) => name)),
  };
  const findings: Finding[] = [];
  for (const use of uses) {
    for (const [index, condition] of use.conditions.entries()) {
      for (const [field, kind, name] of targetsOf(condition)) {
        if (known[kind].has(name)) continue;
        const hint = findings.length < suggestionsMax ? didYouMean(name, [...known[kind]]) : '';
        const message = `there is no ${kind} ${JSON.stringify(name)} in this document${hint}`;
        findings.push({ path: [...use.path, index, field], message });
      }
    }
  }
  return [...findings, ...danglingHoldouts(document)];
}

/** Who is in which holdout. */
function danglingHoldouts(document: ProjectDocument): Finding[] {
  const members: [Path, { readonly holdout?: string | undefined }][] = [
    ...Object.entries(document.gates).map(([name, gate]): [Path, typeof gate] => [['gates', name], gate]),
    ...Object.entries(document.configs).map(([name, config]): [Path, typeof config] => [['configs', name], config]),
    ...experimentsOf(document).map(([path, , experiment]): [Path, typeof experiment] => [path, experiment]),
  ];
  return members.flatMap(([path, { holdout }]) => {
    if (holdout === undefined || Object.hasOwn(document.holdouts, holdout)) return [];
    const hint = didYouMean(holdout, Object.keys(document.holdouts));
    return [
      { path: [...path, 'holdout'], message: `there is no holdout ${JSON.stringify(holdout)} in this document${hint}` },
    ];
  });
}

/** An entity that, by way of others, depends on itself. Reported once for each circle. */
function circles(uses: readonly Use[]): Finding[] {
  const edges = new Map<string, Edge[]>();
  for (const { owner, path, conditions } of uses) {
    const targets = conditions.flatMap((condition, index) =>
      targetsOf(condition).map(([field, kind, name]) => ({ to: `${kind} ${name}`, path: [...path, index, field] })),
    );
    const known = edges.get(owner);
    if (known) known.push(...targets);
    else edges.set(owner, targets);
  }
  const starts = [...edges.keys()].map((to): Edge => ({ to, path: [] }));
  return findCirclesFrom(
    starts,
    ({ to }) => to,
    ({ to }) => edges.get(to) ?? [],
  ).map((circle) => ({
    path: circle.at(-1)?.path ?? [],
    message: `makes a circle: ${spellCircle(circle.map(({ to }) => to))}`,
  }));
}

/** A mention of something, and where it stands. */
interface Edge {
  readonly to: string;
  readonly path: Path;
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

/** Holdouts live among the gates. */
function sharedGateNames(document: ProjectDocument): Finding[] {
  return Object.keys(document.holdouts)
    .filter((name) => Object.hasOwn(document.gates, name))
    .map((name) => ({ path: ['holdouts', name], message: 'is the name of a gate; choose another' }));
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

/** Overrides by groups that their experiment has not. */
function strayGroups(document: ProjectDocument): Finding[] {
  return experimentsOf(document).flatMap(([path, , { overrides = [], groups }]) => {
    const known = groups.map(({ name }) => name);
    return overrides.flatMap(({ group }, index) => {
      if (known.includes(group)) return [];
      const message = `is none of the groups${didYouMean(group, known) || `; they are ${known.join(', ')}`}`;
      return [{ path: [...path, 'overrides', index, 'group'], message }];
    });
  });
}
