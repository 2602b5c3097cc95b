import type { Entity, Rule, Spec } from '@sluice/proto';
import { gateTest, segmentName } from './compile-condition.js';
import type { ConditionPool } from './condition-pool.js';
import type { ConfigDocument, GateDocument, HoldoutDocument, SegmentDocument } from './schema.js';
import { switchGate } from './switch-gate.js';

/** A spec with nothing in it; salts come from names, so that an edit never reshuffles units. */
export function blankSpec(entity: string, idType: string, salt: string): Spec {
  return {
    entity,
    salt,
    enabled: true,
    defaultValueJson: '{}',
    rules: [],
    idType,
    version: undefined,
    isActive: undefined,
    hasSharedParams: undefined,
    explicitParameters: undefined,
    targetAppIds: undefined,
    forwardAllExposures: undefined,
    useNewLayerEval: undefined,
    fieldsUsed: undefined,
  };
}

/** A description, where there is one. */
export function said({ description }: { readonly description?: string | undefined }): Pick<Entity, 'description'> {
  return description === undefined || description === '' ? {} : { description };
}

/** A rule; without a salt of its own the id salts the percentage. */
export function ruleOf(
  id: string,
  idType: string,
  fields: Pick<Rule, 'conditionIds' | 'returnValueJson'> & Partial<Rule>,
): Rule {
  return {
    id,
    name: id,
    passPercentage: 100,
    idType,
    salt: undefined,
    groupName: undefined,
    isExperimentGroup: undefined,
    configDelegate: undefined,
    samplingRate: undefined,
    ...fields,
  };
}

/** Units of a holdout get `valueJson` before any rule is asked. */
export function holdoutRules(
  holdout: string | undefined,
  idType: string,
  valueJson: string,
  pool: ConditionPool,
): Rule[] {
  if (holdout === undefined) return [];
  const id = pool.add({
    ...{ operator: undefined, field: undefined, idType, additionalValues: {} },
    ...gateTest('pass_gate', holdout),
  });
  return [ruleOf('holdout', idType, { conditionIds: [id], returnValueJson: valueJson })];
}

/** A holdout is a gate that the held-out units pass. */
export function holdoutEntity(name: string, holdout: HoldoutDocument, pool: ConditionPool): Entity {
  const { id_type: idType, percentage, when, salt } = holdout;
  const rule = ruleOf('held', idType, {
    passPercentage: percentage,
    conditionIds: pool.addAll(when, idType),
    returnValueJson: 'true',
  });
  const spec = { ...blankSpec('holdout', idType, salt ?? `holdout/${name}`), defaultValueJson: 'false', rules: [rule] };
  return { name, version: 0, ...said(holdout), body: { $case: 'gate', value: spec } };
}

export function gateEntity(name: string, gate: GateDocument, pool: ConditionPool): Entity {
  const rules = gate.rules.map((rule) =>
    ruleOf(rule.name, gate.id_type, {
      passPercentage: rule.percentage,
      conditionIds: pool.addAll(rule.when, gate.id_type),
      returnValueJson: String(rule.value),
    }),
  );
  const spec: Spec = {
    ...blankSpec('feature_gate', gate.id_type, gate.salt ?? `gate/${name}`),
    defaultValueJson: 'false',
    rules: [...holdoutRules(gate.holdout, gate.id_type, 'false', pool), ...rules],
  };
  return { name, version: 0, ...said(gate), body: { $case: 'gate', value: gate.on ? spec : switchGate(spec, false) } };
}

/** A segment is a gate that answers leave out of their exposures. */
export function segmentEntity(name: string, segment: SegmentDocument, pool: ConditionPool): Entity {
  const rows = segment.rules ?? [{ name: 'members', when: segment.when ?? [] }];
  const rules = rows.map((row) =>
    ruleOf(row.name, 'userID', { conditionIds: pool.addAll(row.when, 'userID'), returnValueJson: 'true' }),
  );
  const spec = { ...blankSpec('segment', 'userID', `segment/${name}`), defaultValueJson: 'false', rules };
  return { name: segmentName(name), version: 0, ...said(segment), body: { $case: 'gate', value: spec } };
}

export function configEntity(name: string, config: ConfigDocument, pool: ConditionPool): Entity {
  const rules = config.rules.map((rule) =>
    ruleOf(rule.name, config.id_type, {
      passPercentage: rule.percentage,
      conditionIds: pool.addAll(rule.when, config.id_type),
      returnValueJson: JSON.stringify(rule.value),
    }),
  );
  const spec = {
    ...blankSpec('dynamic_config', config.id_type, config.salt ?? `config/${name}`),
    defaultValueJson: JSON.stringify(config.default),
    rules: [...holdoutRules(config.holdout, config.id_type, JSON.stringify(config.default), pool), ...rules],
  };
  return { name, version: 0, ...said(config), body: { $case: 'config', value: spec } };
}
