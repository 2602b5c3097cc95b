import type { Rule, Spec } from '@sluice/proto';
import { type Conditions, conditionDocument, conditionWords } from './entity-conditions.js';
import { rawJson } from './report.js';
import type { Style } from './style.js';
import { formatFields } from './table.js';
import { shorten } from './words.js';

/** A gate, segment, holdout, config, experiment or layer with what its rules mention. */
export interface SpecView {
  readonly spec: Spec;
  readonly conditions: Conditions;
  /** Of an experiment inside one. */
  readonly layer?: string | undefined;
}

/** Characters of one answer; `--json` has the whole. */
const answerMax = 240;

/** A group of an experiment. */
export interface Group {
  readonly name: string;
  /** Percent of the experiment's units; absent where the rule is of another making. */
  readonly weight: number | undefined;
}

/** For programs. */
export function specDocument({ spec, conditions, layer }: SpecView): Record<string, unknown> {
  return {
    entity: spec.entity,
    isEnabled: spec.enabled,
    idType: spec.idType,
    salt: spec.salt,
    defaultValue: rawJson(spec.defaultValueJson),
    ...(spec.entity === 'experiment'
      ? {
          isActive: spec.isActive ?? true,
          layer: layer ?? null,
          ownParameters: spec.explicitParameters?.values ?? null,
          groups: groupsOf(spec, conditions).map(({ name, weight = null }) => ({ name, weight })),
        }
      : {}),
    rules: spec.rules.map((rule) => ({
      id: rule.id,
      name: rule.name,
      passPercentage: rule.passPercentage,
      idType: rule.idType,
      returnValue: rawJson(rule.returnValueJson),
      groupName: rule.groupName ?? null,
      delegate: rule.configDelegate ?? null,
      conditions: rule.conditionIds.map((id) => conditionDocument(id, conditions.get(id))),
    })),
  };
}

/** `on`, or `running` for an experiment, and whose percentage its rules are of. */
export function specState({ entity, enabled, isActive = true, idType }: Spec, style: Style): string[] {
  const isExperiment = entity === 'experiment';
  const isOn = enabled && (!isExperiment || isActive);
  const word = isExperiment ? (isOn ? 'running' : 'not running') : isOn ? 'on' : 'off';
  return [isOn ? style.good(word) : style.faint(word), `by ${idType}`];
}

/** Lines below the name: fields, rules in order, and the answer when none matches. */
export function specLines(view: SpecView, style: Style): string[] {
  const { spec, conditions } = view;
  const rules = spec.rules.flatMap((rule, index) => ruleLines(rule, index, conditions, style));
  const texts = [spec.defaultValueJson, ...spec.rules.map(({ returnValueJson }) => returnValueJson)];
  return [
    ...experimentLines(view, style),
    ...rules,
    `  ${style.faint('else')}  ${shorten(spec.defaultValueJson, answerMax)}`,
    ...(texts.some((text) => text.length > answerMax)
      ? [style.faint('  answers are cut; --json shows them whole')]
      : []),
  ];
}

function experimentLines({ spec, conditions, layer }: SpecView, style: Style): string[] {
  const groups = groupsOf(spec, conditions);
  if (spec.entity !== 'experiment') return [];
  const fields: [string, string][] = [
    ...(layer === undefined ? [] : [['layer', layer] as [string, string]]),
    ...(spec.explicitParameters
      ? [['owns', spec.explicitParameters.values.join(', ') || '–'] as [string, string]]
      : []),
    ...(groups.length > 0 ? [['groups', groups.map(groupWords).join(', ')] as [string, string]] : []),
  ];
  return fields.length > 0 ? [formatFields(fields, style)] : [];
}

const groupWords = ({ name, weight }: Group): string => (weight === undefined ? name : `${name} ${weight} %`);

/** Each group ends at a bucket, of 1000, where the next begins: that makes its weight. */
export function groupsOf({ rules }: Spec, conditions: Conditions): Group[] {
  let start: number | undefined = 0;
  return rules
    .filter(({ isExperimentGroup }) => isExperimentGroup)
    .map((rule) => {
      const end = endOf(rule, conditions);
      const weight = start === undefined || end === undefined ? undefined : (end - start) / 10;
      start = end;
      return { name: rule.groupName ?? rule.id, weight };
    });
}

function endOf({ conditionIds, passPercentage }: Rule, conditions: Conditions): number | undefined {
  const condition = conditionIds.length === 1 ? conditions.get(conditionIds[0] ?? '') : undefined;
  const isBucket = condition?.type === 'user_bucket' && condition.operator === 'lt' && passPercentage === 100;
  const end = isBucket ? Number(condition.targetValueJson) : Number.NaN;
  return Number.isFinite(end) ? end : undefined;
}

function ruleLines(rule: Rule, index: number, conditions: Conditions, style: Style): string[] {
  const answer = rule.configDelegate ? `experiment ${rule.configDelegate}` : shorten(rule.returnValueJson, answerMax);
  const head = `  ${index + 1}. ${rule.id}  ${rule.passPercentage} % → ${answer}`;
  const tests = rule.conditionIds.map((id) => {
    const condition = conditions.get(id);
    return `     ${style.faint('when')} ${condition ? conditionWords(condition) : id}`;
  });
  return [head, ...tests];
}
