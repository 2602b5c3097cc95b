/** Comparisons whose target cannot be compared with: they come out the same for every user. */
import type { Target } from './target.js';

const wanted: readonly (readonly [pattern: RegExp, isUsable: (target: Target) => boolean, what: string])[] = [
  [/^[gl]te?$/, ({ float }) => float !== undefined, 'a number'],
  [/^version_/, ({ text }) => text !== undefined, 'a text such as "1.2.3"'],
  [
    /^(before|after|on)$/,
    ({ timestamp, float }) => (timestamp ?? float) !== undefined,
    'a time: Unix milliseconds, or a text such as "2023-01-31T00:00:00Z"',
  ],
  [/^(any|none)$/, ({ list, object }) => (list ?? object) !== undefined, 'a list'],
  [/^(any_|none_|str_(starts|ends|contains)_|array_|not_array_)/, ({ list }) => list !== undefined, 'a list'],
  [/^str_matches$/, ({ text }) => text !== undefined, 'a pattern as text'],
  [/in_segment_list$/, ({ text }) => text !== undefined, 'the name of an id list'],
];

const holdsForAll: ReadonlySet<string> = new Set([
  'none',
  'none_case_sensitive',
  'str_contains_none',
  'not_in_segment_list',
]);

/** What to say of a comparison that nobody's value can change; undefined where it is a comparison indeed. */
export function describeVacuous(operator: string, target: Target): string | undefined {
  const rule = wanted.find(([pattern]) => pattern.test(operator));
  if (rule === undefined || rule[1](target)) return undefined;
  return `targetValue should be ${rule[2]}; as it is, ${operator} ${holdsForAll.has(operator) ? 'always' : 'never'} holds`;
}
