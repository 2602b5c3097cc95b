import type { Entity, Rule } from '@sluice/proto';
import { bucketTest, gateTest, segmentName } from './compile-condition.js';
import { blankSpec, holdoutRules, ruleOf, said } from './compile-gate.js';
import type { ConditionPool } from './condition-pool.js';
import type { ExperimentDocument, LayerDocument, LayerExperimentDocument } from './schema.js';

type Json = Readonly<Record<string, unknown>>;

/** Where an experiment takes its units from. */
interface Slice {
  /** Cuts the units into buckets: shared by the experiments of a layer, which makes them exclusive. */
  readonly salt: string;
  /** Percent. */
  readonly from: number;
  readonly to: number;
}

interface Placement {
  readonly defaults: Json;
  readonly idType: string;
  readonly slice: Slice;
  readonly isInLayer: boolean;
}

/** An experiment with parameters of its own. */
export function experimentEntities(name: string, experiment: ExperimentDocument, pool: ConditionPool): Entity[] {
  return compileExperiment(name, experiment, pool, {
    defaults: experiment.parameters,
    idType: experiment.id_type ?? 'userID',
    slice: { salt: `slice/${experiment.salt ?? name}`, ...experiment.allocation },
    isInLayer: false,
  });
}

/** A layer, its experiments, and which belongs to which. */
export function layerEntities(name: string, layer: LayerDocument, pool: ConditionPool): Entity[] {
  const salt = `layer/${layer.salt ?? name}`;
  const experiments = Object.entries(layer.experiments);
  const rules = experiments
    .filter(([, experiment]) => experiment.status === 'running')
    .map(([id, { allocation }]) =>
      ruleOf(id, layer.id_type, {
        conditionIds: insideSlice({ salt, ...allocation }, layer.id_type, pool),
        returnValueJson: JSON.stringify(layer.parameters),
        configDelegate: id,
      }),
    );
  const spec = {
    ...blankSpec('layer', layer.id_type, salt),
    defaultValueJson: JSON.stringify(layer.parameters),
    rules,
  };
  return [
    { name, version: 0, ...said(layer), body: { $case: 'layer', value: spec } },
    ...experiments.flatMap(([id, experiment]) => layerExperiment(id, experiment, name, salt, layer, pool)),
  ];
}

function layerExperiment(
  id: string,
  experiment: LayerExperimentDocument,
  layerName: string,
  salt: string,
  layer: LayerDocument,
  pool: ConditionPool,
): Entity[] {
  const placement = {
    defaults: layer.parameters,
    idType: experiment.id_type ?? layer.id_type,
    slice: { salt, ...experiment.allocation },
    isInLayer: true,
  };
  return [
    ...compileExperiment(id, experiment, pool, placement),
    { name: id, version: 0, body: { $case: 'experimentLayer', value: layerName } },
  ];
}

/**
 * Rules in the order in which they decide: units that try a group out, then everything that
 * keeps a unit out, then the groups.
 */
function compileExperiment(
  name: string,
  experiment: LayerExperimentDocument,
  pool: ConditionPool,
  placement: Placement,
): Entity[] {
  const { defaults, idType, isInLayer } = placement;
  const targeting = targetingSegment(name, experiment, idType, pool);
  const rules = [
    ...tryOutRules(experiment, placement, pool),
    ...holdoutRules(experiment.holdout, idType, JSON.stringify(defaults), pool),
    ...statusRules(experiment, placement, pool),
    ...outsideSlice(placement, pool),
    ...(targeting ? [targetingRule(targeting.name, placement, pool)] : []),
    ...groupRules(name, experiment, placement, pool),
  ];
  const spec = {
    ...blankSpec('experiment', idType, `experiment/${experiment.salt ?? name}`),
    defaultValueJson: JSON.stringify(defaults),
    rules,
    isActive: experiment.status === 'running',
    hasSharedParams: isInLayer,
    ...(isInLayer ? { explicitParameters: { values: ownParameters(experiment) } } : {}),
  };
  return [
    ...(targeting ? [targeting] : []),
    { name, version: 0, ...said(experiment), body: { $case: 'config', value: spec } },
  ];
}

function ownParameters(experiment: LayerExperimentDocument): string[] {
  return [...new Set(experiment.groups.flatMap(({ value }) => Object.keys(value)))].sort();
}

function tryOutRules(experiment: LayerExperimentDocument, placement: Placement, pool: ConditionPool): Rule[] {
  return experiment.groups.flatMap(({ name, ids, value }) => {
    if (ids === undefined) return [];
    return ruleOf(`${name}:id_override`, placement.idType, {
      conditionIds: pool.addAll([{ unit: placement.idType, is_exactly: ids }], placement.idType),
      returnValueJson: JSON.stringify({ ...placement.defaults, ...value }),
      groupName: name,
      salt: '',
    });
  });
}

function keepOut(id: string, conditionIds: string[], { idType, defaults }: Placement): Rule {
  return ruleOf(id, idType, { conditionIds, returnValueJson: JSON.stringify(defaults), salt: '' });
}

function statusRules(experiment: LayerExperimentDocument, placement: Placement, pool: ConditionPool): Rule[] {
  if (experiment.status === 'running') return [];
  const everybody = pool.addAll([{ everyone: true }], placement.idType);
  return [keepOut(experiment.status === 'draft' ? 'prestart' : 'abandoned', everybody, placement)];
}

function insideSlice({ salt, from, to }: Slice, idType: string, pool: ConditionPool): string[] {
  return [
    ...(from > 0 ? [pool.add(bucketTest(salt, 'gte', from, idType))] : []),
    ...(to < 100 ? [pool.add(bucketTest(salt, 'lt', to, idType))] : []),
  ];
}

function outsideSlice(placement: Placement, pool: ConditionPool): Rule[] {
  const { slice, idType, isInLayer } = placement;
  const id = isInLayer ? 'layerAssignment' : 'allocation';
  const before = slice.from > 0 ? [bucketTest(slice.salt, 'lt', slice.from, idType)] : [];
  const after = slice.to < 100 ? [bucketTest(slice.salt, 'gte', slice.to, idType)] : [];
  return [...before, ...after].map((condition) => keepOut(id, [pool.add(condition)], placement));
}

/** Targeting as a segment, because only a gate can be negated as a whole. */
function targetingSegment(
  name: string,
  experiment: LayerExperimentDocument,
  idType: string,
  pool: ConditionPool,
): Entity | undefined {
  if (experiment.when.length === 0) return undefined;
  const conditionIds = pool.addAll(experiment.when, idType);
  const rules = [ruleOf('targeted', idType, { conditionIds, returnValueJson: 'true' })];
  const salt = `targeting/${experiment.salt ?? name}`;
  const spec = { ...blankSpec('segment', idType, salt), defaultValueJson: 'false', rules };
  return { name: segmentName(`inline_targeting:${name}`), version: 0, body: { $case: 'gate', value: spec } };
}

function targetingRule(segment: string, placement: Placement, pool: ConditionPool): Rule {
  const id = pool.add({
    operator: undefined,
    field: undefined,
    idType: placement.idType,
    additionalValues: {},
    ...gateTest('fail_gate', segment),
  });
  return keepOut('inlineTargetingRules', [id], placement);
}

/** Each group ends where the next begins, so that one bucket number decides. */
function groupRules(
  name: string,
  experiment: LayerExperimentDocument,
  placement: Placement,
  pool: ConditionPool,
): Rule[] {
  const salt = `groups/${experiment.salt ?? name}`;
  let end = 0;
  return experiment.groups.map((group) => {
    end += group.weight;
    return ruleOf(group.name, placement.idType, {
      conditionIds: [pool.add(bucketTest(salt, 'lt', end, placement.idType))],
      returnValueJson: JSON.stringify({ ...placement.defaults, ...group.value }),
      groupName: group.name,
      isExperimentGroup: true,
    });
  });
}
