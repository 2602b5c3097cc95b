/** Conditions, compiled: where the value comes from and what it has to satisfy. */
import { type Call, noStamp } from './call.js';
import { isWellFormed, JsonNumber, readJson } from './json-text.js';
import type { Names } from './names.js';
import { compileOperator, type Test } from './operators.js';
import type { Problem } from './problem.js';
import type { Condition } from './ruleset.js';
import {
  CountrySource,
  EnvironmentSource,
  FieldSource,
  type RecallingSource,
  type Source,
  timeSource,
  UnitSource,
  UserAgentSource,
} from './sources.js';
import { readTarget, type Target } from './target.js';
import { describeVacuous } from './vacuous.js';
import { freezeNode } from './value.js';

/**
 * How a condition is decided.
 * `always`: holds. `test`: value and test. `list`: membership of an id list. `gate`: another gate.
 * `group`: the user's group in an experiment. `unsupported`: the reference does not know it.
 */
export type ConditionKind = 'always' | 'test' | 'list' | 'gate' | 'group' | 'unsupported';

/** What is wrong with a condition, for its author. */
export type ConditionProblem = Omit<Problem, 'path'>;

type Report = (message: string, severity?: Problem['severity']) => void;

export interface CompiledCondition {
  readonly kind: ConditionKind;
  /** Depends on user and context only and leaves no trace: may be skipped or remembered. */
  readonly isPure: boolean;
  readonly authored: Condition;
  readonly source: Source;
  readonly test: Test;
  /** The source again, where it keeps the outcomes of this test, and in which column. */
  readonly recall: RecallingSource | undefined;
  readonly column: number;
  /** Elsewhere: stamp of the call that decided this last, and what came out. */
  asked: number;
  outcome: boolean;
  /** `fail_gate`, and `not_in_segment_list`. */
  readonly isInverted: boolean;
  /** The gate, list or experiment that is asked. */
  readonly name: string;
  readonly gateSlot: number;
  /** Why it cannot be evaluated as authored. */
  readonly problems: readonly ConditionProblem[];
}

const noProblems: readonly ConditionProblem[] = [];
const noSource: Source = { read: () => undefined };
const noTest: Test = () => false;

const appSource: Source = { read: (call) => appIdOf(call) };

let appIdText: string | undefined;
let appId: unknown;

function appIdOf(call: Call): unknown {
  const text = call.context.appId ?? call.program.ruleset.appId;
  if (text !== appIdText) {
    appIdText = text;
    appId = text === undefined ? undefined : parseScalar(text);
  }
  return appId;
}

function parseScalar(text: string): unknown {
  try {
    const node = readJson(text);
    return node instanceof JsonNumber ? Number(node.text) : freezeNode(node);
  } catch {
    return undefined;
  }
}

/** Compiles one condition. One that cannot be evaluated answers as the reference does, and says why in `problems`. */
export function compileCondition(authored: Condition, names: Names): CompiledCondition {
  const problems: ConditionProblem[] = [];
  // One is enough: the others mostly follow from it.
  const report: Report = (message, severity = 'error') => {
    if (problems.length === 0) problems.push({ message, severity });
  };
  const target = targetOf(authored, report);
  const build = (kind: ConditionKind, parts: Partial<CompiledCondition>): CompiledCondition => ({
    kind,
    isPure: false,
    authored,
    source: noSource,
    test: noTest,
    recall: undefined,
    column: -1,
    asked: noStamp,
    outcome: false,
    isInverted: false,
    name: '',
    gateSlot: -1,
    problems: problems.length === 0 ? noProblems : problems,
    ...parts,
  });
  if (authored.type === 'public') return build('always', { isPure: true });
  if (authored.type === 'pass_gate' || authored.type === 'fail_gate') {
    const name = target.text ?? '';
    return build('gate', { name, gateSlot: names.gates.take(name), isInverted: authored.type === 'fail_gate' });
  }
  const source = sourceOf(authored, names);
  if (source === undefined) {
    report(`condition type ${JSON.stringify(authored.type)} is not supported`);
    return build('unsupported', {});
  }
  return compileComparison(authored, target, source, build, report);
}

function targetOf({ targetValue }: Condition, report: Report): Target {
  try {
    return readTarget(targetValue);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    if (isWellFormed(targetValue)) report(`targetValue can't be read: ${message}; it counts as missing`, 'warning');
    else report(`targetValue is not JSON: ${message}`);
    return { kind: 'null' };
  }
}

function compileComparison(
  authored: Condition,
  target: Target,
  source: Source,
  build: (kind: ConditionKind, parts: Partial<CompiledCondition>) => CompiledCondition,
  report: Report,
): CompiledCondition {
  const operator = authored.operator;
  const isGroup = authored.type === 'experiment_group';
  const reportVacuous = (): void => {
    const vacuous = operator === undefined ? undefined : describeVacuous(operator, target);
    if (vacuous !== undefined) report(vacuous, 'warning');
  };
  if ((operator === 'in_segment_list' || operator === 'not_in_segment_list') && !isGroup) {
    const isPure = authored.type !== 'ip_based';
    reportVacuous();
    return build('list', { isPure, source, name: target.text ?? '', isInverted: operator === 'not_in_segment_list' });
  }
  const test = operator === undefined ? undefined : compileOperator(operator, target, report);
  if (test === undefined) {
    report(operator === undefined ? 'an operator is missing' : `operator ${JSON.stringify(operator)} is not supported`);
    return build('unsupported', {});
  }
  reportVacuous();
  if (isGroup) return build('group', { test, name: authored.field ?? '' });
  // Without a country table, asking for a country marks the whole call.
  return build('test', { isPure: authored.type !== 'ip_based', source, test, ...recallOf(source) });
}

function recallOf(source: Source): Pick<CompiledCondition, 'recall' | 'column'> {
  const recall = source instanceof FieldSource || source instanceof UnitSource ? source : undefined;
  return { recall, column: recall?.takeColumn() ?? -1 };
}

function sourceOf(authored: Condition, names: Names): Source | undefined {
  const field = authored.field ?? '';
  switch (authored.type) {
    case 'user_field':
      return authored.field === undefined ? noSource : names.field(field);
    case 'ua_based':
      return new UserAgentSource(field, names.field(field), names.field('userAgent'));
    case 'ip_based':
      return new CountrySource(field, names.field(field), names.field('ip'));
    case 'environment_field':
      return new EnvironmentSource(field);
    case 'current_time':
      return timeSource;
    case 'user_bucket':
      return names.bucket(authored.additionalValues?.salt ?? '', authored.idType);
    case 'unit_id':
      return names.unit(authored.idType);
    case 'target_app':
      return appSource;
    case 'experiment_group':
      return noSource;
    default:
      return undefined;
  }
}
