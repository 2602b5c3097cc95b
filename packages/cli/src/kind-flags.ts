import { invalid } from '@sluice/mesh';
import { parseJsonInput, parseNumberInput, parseObjectInput } from './json-input.js';

/** Flags of `create` and `update`, as typed. */
export interface KindFlags {
  readonly description?: string;
  readonly idType?: string;
  readonly salt?: string;
  readonly holdout?: string;
  readonly off?: boolean;
  readonly rollout?: number;
  readonly percentage?: number;
  readonly default?: Json;
  readonly value?: Json;
  readonly parameters?: Json;
  readonly parameter?: readonly [string, unknown][];
  readonly group?: readonly Json[];
  readonly status?: string;
  readonly allocation?: Json;
  readonly id?: readonly string[];
  readonly country?: readonly string[];
  readonly segment?: readonly string[];
  readonly inList?: readonly string[];
  readonly when?: readonly unknown[];
}

type Json = Readonly<Record<string, unknown>>;

/** Without the flags that were not given. */
function given(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Conditions in the friendly form; all must hold. */
function conditionsOf({ country, segment, inList, when }: KindFlags): unknown[] {
  return [
    ...(country ? [{ country }] : []),
    ...(segment ?? []).map((name) => ({ segment: name })),
    ...(inList ?? []).map((name) => ({ unit: 'userID', in_list: name })),
    ...(when ?? []),
  ];
}

function common({ description, idType, salt, holdout }: KindFlags): Json {
  return given({ description, id_type: idType, salt, holdout });
}

/** What the flags say, as the part of a friendly document that a file would hold. */
export function documentOf(word: string, flags: KindFlags): Json {
  const when = conditionsOf(flags);
  switch (word) {
    case 'gate':
      return { ...common(flags), ...(flags.off ? { on: false } : {}), rules: gateRules(flags, when) };
    case 'segment':
      return given({ description: flags.description, when });
    case 'holdout': {
      if (flags.percentage === undefined) throw missing('--percentage', 'the share of units that is held out');
      return { ...common(flags), percentage: flags.percentage, when };
    }
    case 'config':
      return configDocument(flags, when);
    case 'experiment':
      return experimentDocument(flags, when);
    case 'layer': {
      if (!flags.parameters) throw missing('--parameters', `such as '{"color":"green"}'`);
      return { ...common(flags), parameters: flags.parameters };
    }
    case 'store':
      return given({ description: flags.description, parameters: Object.fromEntries(flags.parameter ?? []) });
    default:
      return given({ description: flags.description, id_type: flags.idType, ids: flags.id ?? [] });
  }
}

const missing = (flag: string, what: string): Error => invalid(flag, `is missing: ${what}; or give a document with -f`);

function gateRules({ rollout }: KindFlags, when: readonly unknown[]): Json[] {
  if (rollout === undefined && when.length === 0) return [];
  return [{ name: 'rollout', percentage: rollout ?? 100, when }];
}

function configDocument(flags: KindFlags, when: readonly unknown[]): Json {
  if (!flags.default) throw missing('--default', `the answer when no rule matches, such as '{"color":"green"}'`);
  const isRuled = flags.value !== undefined || flags.rollout !== undefined || when.length > 0;
  if (isRuled && !flags.value) throw missing('--value', 'the answer for those that --rollout and conditions pick');
  const rules = isRuled ? [{ name: 'rollout', percentage: flags.rollout ?? 100, when, value: flags.value }] : [];
  return { ...common(flags), default: flags.default, rules };
}

function experimentDocument(flags: KindFlags, when: readonly unknown[]): Json {
  const { parameters, group: groups, status, allocation } = flags;
  if (!parameters) throw missing('--parameters', `the defaults, such as '{"color":"green"}'`);
  if (!groups) throw missing('--group', `such as control:50 and red:50:'{"color":"red"}'`);
  return { ...common(flags), parameters, groups, when, ...given({ status, allocation }) };
}

/** `control:50` or `red:50:{"color":"red"}`. */
export function parseGroup(text: string, before: readonly Json[] = []): Json[] {
  const match = /^([^:]+):([\d.]+)(?::(.+))?$/s.exec(text);
  const [, name, weight = '', value] = match ?? [];
  if (!match)
    throw invalid('--group', `must be name:weight or name:weight:{…}, such as red:50:{"color":"red"}, got ${text}`);
  const parsed = value === undefined ? {} : { value: parseObjectInput('--group', value, '{"color":"red"}') };
  return [...before, { name, weight: parseNumberInput('--group', weight, 0, 100), ...parsed }];
}

/** `title={"value":"Hello"}`. */
export function parseParameter(text: string, before: readonly [string, unknown][] = []): [string, unknown][] {
  const at = text.indexOf('=');
  if (at < 1) throw invalid('--parameter', `must be name={…}, such as title={"value":"Hello"}, got ${text}`);
  const example = '{"gate":"beta","on":"big","off":"small"}';
  return [...before, [text.slice(0, at), parseObjectInput('--parameter', text.slice(at + 1), example)]];
}

/** `0-50`. */
export function parseAllocation(text: string): Json {
  const match = /^([\d.]+)-([\d.]+)$/.exec(text);
  if (!match) throw invalid('--allocation', `must be a slice in percent, such as 0-50, got ${text}`);
  const bound = (digits = ''): number => parseNumberInput('--allocation', digits, 0, 100);
  return { from: bound(match[1]), to: bound(match[2]) };
}

/** A condition in the friendly form, such as `{"field":"plan","is":"pro"}`. */
export function parseCondition(text: string, before: readonly unknown[] = []): unknown[] {
  return [...before, parseJsonInput('--when', text, '{"field":"plan","is":"pro"}')];
}

/** Values with commas between; the flag may be repeated. */
export function parseList(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').flatMap((part) => part.trim() || [])];
}
