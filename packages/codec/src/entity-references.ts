import { readJson } from '@sluice/engine';
import { type Condition, type Entity, type EntityRef, type ParamStore, type Rule, Section } from '@sluice/proto';
import { entityKey } from './sections.js';

/** One entity's mention of another. */
export interface EntityReference {
  /** Where in the entity, such as `rules[0].conditionIds[1]`. */
  readonly path: string;
  readonly to: EntityRef;
}

const none: readonly EntityReference[] = [];

/** Everything that an entity mentions, in the order of its fields. Texts that can't be read mention nothing. */
export function referencesOf({ name, body }: Entity): readonly EntityReference[] {
  switch (body?.$case) {
    case 'gate':
    case 'config':
    case 'layer':
      return body.value.rules.flatMap((rule, index) => ofRule(rule, `rules[${index}].`));
    case 'overrideRule':
      return ofRule(body.value, '');
    case 'condition':
      return ofCondition(body.value);
    case 'paramStore':
      return ofParamStore(body.value);
    case 'cmab':
      return one('targetingGateName', Section.GATE, memberOf(body.value.bodyJson, 'targetingGateName'));
    case 'override':
      return body.value.mappings.flatMap(({ newConfigName, rules }, index) => [
        ...one(`mappings[${index}].newConfigName`, Section.CONFIG, newConfigName),
        ...rules.flatMap(({ ruleName }, at) =>
          one(`mappings[${index}].rules[${at}].ruleName`, Section.OVERRIDE_RULE, ruleName),
        ),
      ]);
    case 'experimentLayer':
      return [...one('name', Section.CONFIG, name), ...one('experimentLayer', Section.LAYER, body.value)];
    default:
      return none;
  }
}

/** Keys of what would do for a reference: a bandit answers by the name of a config. */
export function answerersOf({ to }: EntityReference): string[] {
  const keys = [entityKey(to)];
  if (to.section === Section.CONFIG) keys.push(entityKey({ section: Section.CMAB, name: to.name }));
  return keys;
}

function one(path: string, section: Section, name: string | undefined): readonly EntityReference[] {
  return name === undefined || name === '' ? none : [{ path, to: { section, name } }];
}

function ofRule({ conditionIds, configDelegate }: Rule, prefix: string): EntityReference[] {
  return [
    ...conditionIds.map((name, index) => ({
      path: `${prefix}conditionIds[${index}]`,
      to: { section: Section.CONDITION, name },
    })),
    ...one(`${prefix}configDelegate`, Section.CONFIG, configDelegate),
  ];
}

function ofCondition({ type, operator, field, targetValueJson }: Condition): readonly EntityReference[] {
  if (type === 'pass_gate' || type === 'fail_gate') {
    return one('targetValueJson', Section.GATE, textOf(targetValueJson));
  }
  if (type === 'experiment_group') return one('field', Section.CONFIG, field);
  if (operator !== 'in_segment_list' && operator !== 'not_in_segment_list') return none;
  return one('targetValueJson', Section.ID_LIST, textOf(targetValueJson));
}

/** By the kind of a parameter's source: the member that names it, and where it lives. */
const sources = new Map<string, readonly [string, Section]>([
  ['gate', ['gate_name', Section.GATE]],
  ['dynamic_config', ['config_name', Section.CONFIG]],
  ['experiment', ['experiment_name', Section.CONFIG]],
  ['layer', ['layer_name', Section.LAYER]],
]);

function ofParamStore({ parameters }: ParamStore): EntityReference[] {
  return Object.entries(parameters).flatMap(([name, { refType, bodyJson }]) => {
    const source = sources.get(refType);
    if (!source) return none;
    const [member, section] = source;
    return one(`parameters.${name}.${member}`, section, memberOf(bodyJson, member));
  });
}

function textOf(json: string | undefined): string | undefined {
  const value = parsed(json);
  return typeof value === 'string' ? value : undefined;
}

function memberOf(json: string, member: string): string | undefined {
  const value = parsed(json);
  const found = value instanceof Map ? value.get(member) : undefined;
  return typeof found === 'string' ? found : undefined;
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : readJson(json);
  } catch {
    return undefined;
  }
}
