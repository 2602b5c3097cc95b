import { notFound } from '@sluice/mesh';
import { type Condition, type GetEntityResponse, type Rule, Section, type Spec } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import { type Report, rawJson } from '../report.js';
import type { Session } from '../session.js';
import type { Style } from '../style.js';
import { shorten } from '../words.js';

export function addGateShow(parent: Command, host: Host): void {
  parent
    .command('show')
    .description('print the rules of a gate with their conditions')
    .argument('<gate>', 'its name')
    .addHelpText('after', `\n${jsonHelp}`)
    .action(host.onMesh(showGate));
}

const jsonHelp = `JSON: {name, entity, isEnabled, idType, salt, defaultValue, version, revision,
       rules: [{id, name, passPercentage, idType, returnValue,
       conditions: [{id, type, field, operator, targetValue, idType}]}]}`;

async function showGate(session: Session, { args: [name = ''] }: Invocation<object>): Promise<Report> {
  const answer = await session.config.getEntity(
    { set: session.set, ref: { section: Section.GATE, name }, revision: 0 },
    session.call,
  );
  const gate = gateOf(answer, name);
  const conditions = await readConditions(session, gate);
  return {
    document: documentOf(name, gate, answer, conditions),
    text: (style) => textOf(name, gate, answer, conditions, style),
  };
}

function gateOf({ entity }: GetEntityResponse, name: string): Spec {
  if (entity?.body?.$case === 'gate') return entity.body.value;
  throw notFound('gate', `there is no gate ${JSON.stringify(name)}; \`sluice gates\` lists them`);
}

type Conditions = ReadonlyMap<string, Condition>;

async function readConditions(session: Session, gate: Spec): Promise<Conditions> {
  const ids = [...new Set(gate.rules.flatMap(({ conditionIds }) => conditionIds))];
  const answers = await Promise.all(
    ids.map((name) =>
      session.config.getEntity(
        { set: session.set, ref: { section: Section.CONDITION, name }, revision: 0 },
        session.call,
      ),
    ),
  );
  return new Map(
    answers.flatMap(({ entity }) =>
      entity?.body?.$case === 'condition' ? [[entity.name, entity.body.value] as const] : [],
    ),
  );
}

function documentOf(name: string, gate: Spec, answer: GetEntityResponse, conditions: Conditions) {
  return {
    name,
    entity: gate.entity,
    isEnabled: gate.enabled,
    idType: gate.idType,
    salt: gate.salt,
    defaultValue: rawJson(gate.defaultValueJson),
    version: answer.entity?.version ?? 0,
    revision: answer.revision,
    rules: gate.rules.map((rule) => ({
      id: rule.id,
      name: rule.name,
      passPercentage: rule.passPercentage,
      idType: rule.idType,
      returnValue: rawJson(rule.returnValueJson),
      conditions: rule.conditionIds.map((id) => conditionDocument(id, conditions.get(id))),
    })),
  };
}

function conditionDocument(id: string, condition: Condition | undefined): Record<string, unknown> {
  if (!condition) return { id };
  const { type, field = null, operator = null, targetValueJson, idType } = condition;
  const targetValue = targetValueJson === undefined ? null : rawJson(targetValueJson);
  return { id, type, field, operator, targetValue, idType };
}

function textOf(name: string, gate: Spec, answer: GetEntityResponse, conditions: Conditions, style: Style): string {
  const state = gate.enabled ? style.good('on') : style.faint('off');
  const head = `${style.strong(name)}  ${state} · by ${gate.idType} · version ${answer.entity?.version ?? 0}`;
  const rules = gate.rules.flatMap((rule, index) => ruleLines(rule, index, conditions, style));
  return [head, ...rules, `  ${style.faint('else')}  ${gate.defaultValueJson}`].join('\n');
}

function ruleLines(rule: Rule, index: number, conditions: Conditions, style: Style): string[] {
  const head = `  ${index + 1}. ${rule.id}  ${rule.passPercentage} % → ${rule.returnValueJson}`;
  const tests = rule.conditionIds.map((id) => `     ${style.faint('when')} ${inWords(conditions.get(id)) ?? id}`);
  return [head, ...tests];
}

function inWords(condition: Condition | undefined): string | undefined {
  if (!condition) return undefined;
  const { type, field, operator, targetValueJson = '', idType } = condition;
  const target = shorten(targetValueJson, 80);
  switch (type) {
    case 'public':
      return 'everyone';
    case 'pass_gate':
      return `passes ${target}`;
    case 'fail_gate':
      return `does not pass ${target}`;
    case 'user_bucket':
      return `bucket of ${idType} ${operator} ${target} (of 1000)`;
    case 'unit_id':
      return `${idType} ${operator} ${target}`;
    default:
      return [field ?? type, operator, target].filter(Boolean).join(' ');
  }
}
