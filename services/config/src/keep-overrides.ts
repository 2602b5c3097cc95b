/**
 * Authors write entities without the overrides that others gave them: those stay, whatever is written.
 */
import { entityKey, sectionOf } from '@sluice/codec';
import { type FieldProblem, SluiceError } from '@sluice/mesh';
import { type Entity, type EntityOverrides, type EntityRef, Section } from '@sluice/proto';
import { Draft } from './draft.js';
import type { Head, Plan } from './head.js';
import { layerNameOf, layerOverrides } from './layer-overrides.js';
import { findGroup } from './override-groups.js';
import {
  findTarget,
  isOverrideRule,
  type OverrideRule,
  overrideRulesOf,
  type Target,
  withOverrides,
} from './override-rules.js';
import { stateOverrides } from './state-overrides.js';

const problemsShown = 20;

/**
 * The plan, with the overrides that stand, or with those that are stated. An entity that comes with
 * rules of overrides states them by these.
 * @throws SluiceError `precondition` naming overrides by a group that an experiment is to lose.
 */
export function keepOverrides(head: Head, plan: Plan, stated: readonly EntityOverrides[] = []): Plan {
  const draft = new Draft(head, plan);
  const isStated = stateOverrides(head, draft, stated);
  const problems: FieldProblem[] = [];
  for (const entity of plan.upserts) {
    const ref = refOf(entity);
    const held = findTarget(head.entities, ref);
    const target = findTarget(draft, ref);
    if (!held || !target || isStated.has(entityKey(ref)) || target.spec.rules.some(isOverrideRule)) continue;
    const overrides = overrideRulesOf(head.entities, held).flatMap((one) => {
      const problem = problemOf(target, one);
      if (problem) problems.push({ field: entityKey(ref), message: problem });
      return problem ? [] : { ...one, rule: answeredBy(target, one) };
    });
    if (overrides.length > 0) draft.add(withOverrides(draft, target, overrides));
  }
  if (problems.length > 0) throw refused(problems.slice(0, problemsShown));
  settleLayers(head, draft);
  return { ...plan, ...draft.plan };
}

const refOf = (entity: Entity): EntityRef => ({ section: sectionOf(entity), name: entity.name });

/** What an override of another kind of config can't mean, or a group that is gone. */
function problemOf({ kind, spec }: Target, { rule, unitIds }: OverrideRule): string | undefined {
  const { groupName } = rule;
  const whose = `overrides of ${unitIds.length} unit${unitIds.length === 1 ? '' : 's'}`;
  if (kind !== 'config') return undefined;
  if (spec.entity !== 'experiment') {
    return groupName === undefined
      ? undefined
      : `has ${whose} by a group, and would be no experiment; delete them first`;
  }
  if (groupName === undefined) return `has ${whose} by a value, and would be an experiment; delete them first`;
  if (findGroup(spec, groupName)) return undefined;
  return `has ${whose} by the group ${JSON.stringify(groupName)}, which would be gone; delete them first, or keep it`;
}

/** A group answers what it says now. */
function answeredBy({ spec }: Target, { rule }: OverrideRule): OverrideRule['rule'] {
  const group = rule.groupName === undefined ? undefined : findGroup(spec, rule.groupName);
  return group ? { ...rule, returnValueJson: group.returnValueJson } : rule;
}

function refused(problems: readonly FieldProblem[]): SluiceError {
  const message = problems.map(({ field, message }) => `${field}: ${message}`).join('\n');
  return new SluiceError('precondition', message, { problems });
}

/** Layers that are written, and those that have or had an experiment that is written or goes. */
function settleLayers(head: Head, draft: Draft): void {
  const { upserts, deletions } = draft.plan;
  const experiments = new Map<string, Set<string>>();
  const note = (layer: string | undefined, experiment?: string): void => {
    if (layer === undefined) return;
    const names = experiments.get(layer) ?? new Set();
    experiments.set(layer, experiment === undefined ? names : names.add(experiment));
  };
  for (const { section, name } of [...upserts.map(refOf), ...deletions]) {
    if (section === Section.LAYER) note(name);
    if (section !== Section.CONFIG && section !== Section.EXPERIMENT_LAYER) continue;
    note(layerNameOf(head.entities, name), name);
    note(layerNameOf(draft, name), name);
  }
  for (const [name, names] of experiments) settleLayer(draft, name, names);
}

/** Writes a layer's rules for the overrides of its experiments anew. */
export function settleLayer(draft: Draft, name: string, experiments: Iterable<string>): void {
  const layer = findTarget(draft, { section: Section.LAYER, name });
  if (!layer) return;
  const held = overrideRulesOf(draft, layer);
  const overrides = layerOverrides(draft, layer, experiments);
  if (held.length > 0 || overrides.length > 0) draft.add(withOverrides(draft, layer, overrides));
}
