/** Random conditions of every type, operator and kind of target. */
import type { ConditionData, Json } from './document.js';
import { makeDate, makePattern } from './oddities.js';
import type { Random } from './random.js';
import { fieldNames } from './users.js';
import { makeTarget, patterns, texts } from './values.js';

const operators: readonly string[] = [
  'gt',
  'gte',
  'lt',
  'lte',
  'version_gt',
  'version_gte',
  'version_lt',
  'version_lte',
  'version_eq',
  'version_neq',
  'any',
  'none',
  'any_case_sensitive',
  'none_case_sensitive',
  'str_starts_with_any',
  'str_ends_with_any',
  'str_contains_any',
  'str_contains_none',
  'str_matches',
  'before',
  'after',
  'on',
  'eq',
  'neq',
  'in_segment_list',
  'not_in_segment_list',
  'array_contains_any',
  'array_contains_none',
  'array_contains_all',
  'not_array_contains_all',
];

/** None of them is known. */
export const oddOperators: readonly (string | null)[] = ['ANY', 'encoded_any', 'bogus', '', null];

export const idTypes: readonly string[] = ['userID', 'userid', 'companyID', 'COMPANYid', 'stableID', 'missingID', ''];

export const listNames: readonly string[] = ['list-a', 'list-b'];

function targetFor(random: Random, operator: string | null): Json {
  if (operator === 'str_matches' && random.chance(0.9)) {
    return random.chance(0.5) ? random.pick(patterns) : makePattern(random);
  }
  if (operator?.endsWith('segment_list') && random.chance(0.9)) return random.pick(listNames);
  const wantsTime = ['before', 'after', 'on'].includes(operator ?? '');
  if (wantsTime && random.chance(0.4)) return makeDate(random);
  const wantsText = wantsTime || operator?.startsWith('version');
  if (wantsText && random.chance(0.8)) return random.pick(texts);
  return makeTarget(random);
}

/** A list that collapses, compared with `eq` to an array, and the day of −∞ make the reference abort. */
function isFatal(operator: string | null, target: Json): boolean {
  if (operator === 'on') return target === '-Infinity';
  if (operator !== 'eq' && operator !== 'neq') return false;
  if (!Array.isArray(target)) return false;
  const keys = target.map((element) => JSON.stringify(element).toLowerCase().replaceAll('"', ''));
  return new Set(keys).size !== keys.length || target.some((element) => typeof element === 'object');
}

function fieldFor(random: Random, type: string): string | null {
  switch (type) {
    case 'ua_based':
      return random.pick(['os_name', 'osVersion', 'browser_name', 'browserversion', 'OS_NAME', 'other', 'f0']);
    case 'ip_based':
      return random.pick(['country', 'country', 'Country', 'f0']);
    case 'environment_field':
      return random.pick(['tier', 'TIER', 'other', 'Tier']);
    default:
      return random.chance(0.8)
        ? random.pick(fieldNames)
        : random.pick([
            'email',
            'EMAIL',
            'userID',
            'user_id',
            'country',
            'appVersion',
            'app_version',
            'locale',
            'toString',
            '',
            null,
          ]);
  }
}

const comparedTypes = [
  'ua_based',
  'ip_based',
  'environment_field',
  'current_time',
  'user_bucket',
  'unit_id',
  'target_app',
];
const agentTargets: Json[] = [
  ['Windows', 'ios', 'US', 'staging'],
  ['Chrome', 'Mobile Safari'],
  '10',
  '17.1',
  ['production', 'IN'],
];

/** One condition that compares something. */
export function makeComparison(random: Random): ConditionData {
  const type = random.chance(0.6) ? 'user_field' : random.pick(comparedTypes);
  const operator = random.chance(0.98) ? random.pick(operators) : random.pick(oddOperators);
  let targetValue = targetFor(random, operator);
  if (isFatal(operator, targetValue)) targetValue = ['x', 'y'];
  if (['ua_based', 'ip_based', 'environment_field'].includes(type) && random.chance(0.5))
    targetValue = random.pick(agentTargets);
  if (type === 'user_bucket' && random.chance(0.7)) {
    targetValue = random.chance(0.5)
      ? random.below(1000)
      : Object.fromEntries(Array.from({ length: 300 }, () => [String(random.below(1000)), true]));
  }
  return {
    type,
    operator,
    targetValue,
    field: fieldFor(random, type),
    additionalValues: random.pick([{}, null, { salt: 'bucket-salt' }, { salt: '' }]),
    idType: random.pick(idTypes),
  };
}
