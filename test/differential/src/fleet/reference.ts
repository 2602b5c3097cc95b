/** What a set of entities answers by the plain twin, which shares neither compiler nor ruleset with what is tested. */
import {
  type Decision,
  evaluateConfig,
  evaluateGate,
  evaluateLayer,
  evaluateParameter,
  type Program,
  type User,
} from '@sluice/engine';
import type { Condition, Entity, Rule, Spec } from '@sluice/proto';
import { exposureTexts } from '../answers.js';
import type { ConditionData, DocumentData, Json, RuleData, SpecData } from '../document.js';
import { answerByTwin, type TwinAnswer } from '../twin.js';
import type { UserData } from '../users.js';
import { users } from './random-entities.js';

const context = { now: 0 };

/** One answer as a line that two evaluators can be compared by. */
function line(user: User, kind: string, name: string, answer: object): string {
  return `${user.userID} ${kind} ${name} ${JSON.stringify(answer)}`;
}

const sorted = (lines: readonly string[]): string => [...lines].sort().join('\n');

/** What a program answers to everybody about everything. */
export function answersOf(program: Program): string {
  const { gates, configs, layers, paramStores } = program.ruleset;
  return sorted(
    users.flatMap((user) => [
      ...[...gates.keys()].map((name) => line(user, 'gate', name, shape(evaluateGate(program, name, user, context)))),
      ...[...configs.keys()].map((name) =>
        line(user, 'config', name, shape(evaluateConfig(program, name, user, context))),
      ),
      ...[...layers.keys()].map((name) =>
        line(user, 'layer', name, shape(evaluateLayer(program, name, user, context))),
      ),
      ...[...paramStores].flatMap(([store, { parameters }]) =>
        Object.keys(parameters).map((name) => {
          const { value } = evaluateParameter(program, store, name, user, context);
          return line(user, 'parameter', `${store}.${name}`, { value });
        }),
      ),
    ]),
  );
}

function shape(decision: Decision): object {
  const { value, ruleID, groupName, reason } = decision;
  const allocated = decision.kind === 'layer' ? decision.allocatedExperiment : null;
  return { value, ruleID, groupName, reason, exposures: exposureTexts(decision.secondaryExposures), allocated };
}

/** The same by the twin. */
export function referenceAnswers(entities: readonly Entity[]): string {
  const { document, lists, stores } = plainly(entities);
  return sorted(
    users.flatMap((user) => {
      const ask = (kind: 'gate' | 'config' | 'layer', name: string): TwinAnswer =>
        answerByTwin(document, kind, name, user as UserData, context, lists);
      const told = (kind: 'gate' | 'config' | 'layer', names: Readonly<Record<string, SpecData>>): string[] =>
        Object.keys(names).map((name) => line(user, kind, name, twinShape(kind, ask(kind, name))));
      return [
        ...told('gate', document.feature_gates),
        ...told('config', document.dynamic_configs),
        ...told('layer', document.layer_configs),
        ...stores.map(({ key, parameter }) => line(user, 'parameter', key, { value: parameterValue(parameter, ask) })),
      ];
    }),
  );
}

function twinShape(kind: 'gate' | 'config' | 'layer', twin: TwinAnswer): object {
  const { bool, ruleID, groupName, reason, exposures, allocated } = twin;
  const value = kind === 'gate' ? bool : objectOf(twin.value);
  return { value, ruleID, groupName, reason, exposures, allocated: kind === 'layer' ? allocated : null };
}

const objectOf = (value: Json | undefined): Readonly<Record<string, Json>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, Json>) : {};

type Ask = (kind: 'gate' | 'config' | 'layer', name: string) => TwinAnswer;

function parameterValue(parameter: Readonly<Record<string, Json>>, ask: Ask): Json | undefined {
  const { ref_type, gate_name, experiment_name, layer_name, param_name } = parameter;
  const member = (twin: TwinAnswer): Json | undefined => objectOf(twin.value)[String(param_name)];
  if (ref_type === 'static') return parameter.value;
  if (ref_type === 'gate') return ask('gate', String(gate_name)).bool ? parameter.pass_value : parameter.fail_value;
  if (ref_type === 'experiment') return member(ask('config', String(experiment_name)));
  return member(ask('layer', String(layer_name)));
}

interface Plain {
  readonly document: DocumentData;
  readonly lists: ReadonlyMap<string, ReadonlySet<string>>;
  readonly stores: readonly { readonly key: string; readonly parameter: Readonly<Record<string, Json>> }[];
}

function plainly(entities: readonly Entity[]): Plain {
  const document = {
    ...{ has_updates: true, time: 0, response_format: 'dcs-v2', experiment_to_layer: {} },
    ...{ condition_map: {}, feature_gates: {}, dynamic_configs: {}, layer_configs: {} },
  } as DocumentData;
  const lists = new Map<string, ReadonlySet<string>>();
  const stores: Plain['stores'][number][] = [];
  for (const { name, body } of entities) {
    if (body?.$case === 'gate') document.feature_gates[name] = specData(body.value);
    if (body?.$case === 'config') document.dynamic_configs[name] = specData(body.value);
    if (body?.$case === 'layer') document.layer_configs[name] = specData(body.value);
    if (body?.$case === 'condition') document.condition_map[name] = conditionData(body.value);
    if (body?.$case === 'idList') lists.set(name, new Set(body.value.keys.match(/.{8}/gs)));
    if (body?.$case !== 'paramStore') continue;
    for (const [parameter, { bodyJson }] of Object.entries(body.value.parameters)) {
      stores.push({ key: `${name}.${parameter}`, parameter: JSON.parse(bodyJson) });
    }
  }
  return { document, lists, stores };
}

function specData({ entity, salt, enabled, defaultValueJson, rules, idType }: Spec): SpecData {
  const defaultValue = JSON.parse(defaultValueJson) as Json;
  return { type: entity, entity, salt, enabled, defaultValue, rules: rules.map(ruleData), idType };
}

function ruleData({ id, name, passPercentage, conditionIds, returnValueJson, idType, ...more }: Rule): RuleData {
  const { groupName, configDelegate } = more;
  const rule = { id, name, passPercentage, conditions: conditionIds, returnValue: JSON.parse(returnValueJson), idType };
  return { ...rule, ...(groupName && { groupName }), ...(configDelegate && { configDelegate }) };
}

function conditionData({ type, operator, targetValueJson, field, idType }: Condition): ConditionData {
  const targetValue = JSON.parse(targetValueJson ?? 'null') as Json;
  return { type, operator: operator ?? null, targetValue, field: field ?? null, idType };
}
