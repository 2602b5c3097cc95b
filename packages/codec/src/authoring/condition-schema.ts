import { z } from 'zod';
import { strict } from './strict.js';

const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'must be text, a number, true or false' });
/** Each call may look at all of them. */
const valuesMax = 10_000;
/** One value or a list of them. */
const values = z.union([scalar, z.array(scalar).min(1).max(valuesMax)], {
  error: 'must be a value or a list of 1 to 10,000 values; for more, upload an id list',
});
const timeText = z.string().refine((text) => isInstant(text), {
  error: 'must be a date or a time with zone, such as 2026-12-01 or 2026-12-01T09:00:00Z',
});
const versionText = z
  .string({ error: 'must be a version in quotes, such as "2.4.0"' })
  .regex(/^\d+(\.\d+)*(-\S+)?$/, { error: 'must be a version, such as "2.4.0"' });

/** What a comparison is with. */
const operands = {
  list: values,
  pattern: z.string().min(1).max(1000),
  json: scalar.nullable(),
  number: z.number(),
  time: timeText,
  name: z.string().min(1),
} as const;

type OperandKind = keyof typeof operands;

interface ComparisonRule {
  /** The engine's word. */
  readonly operator: string;
  readonly kind: OperandKind;
  readonly about: string;
}

const compare = <O extends string, K extends OperandKind>(operator: O, kind: K, about: string) =>
  ({ operator, kind, about }) satisfies ComparisonRule;

/** How values are compared, by the word that an author writes. */
export const comparisons = {
  is: compare('any', 'list', 'equals one of the values, whatever the case'),
  is_not: compare('none', 'list', 'equals none of the values'),
  is_exactly: compare('any_case_sensitive', 'list', 'equals one of the values, case and all'),
  is_not_exactly: compare('none_case_sensitive', 'list', 'equals none of the values, case and all'),
  starts_with: compare('str_starts_with_any', 'list', 'starts with one of the texts'),
  ends_with: compare('str_ends_with_any', 'list', 'ends with one of the texts'),
  contains: compare('str_contains_any', 'list', 'contains one of the texts'),
  contains_none: compare('str_contains_none', 'list', 'contains none of the texts'),
  matches: compare('str_matches', 'pattern', 'matches the regular expression'),
  equals: compare('eq', 'json', 'is this JSON value; null means absent'),
  not_equals: compare('neq', 'json', 'is not this JSON value'),
  greater_than: compare('gt', 'number', 'is a greater number'),
  at_least: compare('gte', 'number', 'is this number or a greater one'),
  less_than: compare('lt', 'number', 'is a smaller number'),
  at_most: compare('lte', 'number', 'is this number or a smaller one'),
  before: compare('before', 'time', 'is a time before'),
  after: compare('after', 'time', 'is a time after'),
  on: compare('on', 'time', 'is a time on this day (UTC)'),
  has_any: compare('array_contains_any', 'list', 'is a list with one of the values'),
  has_all: compare('array_contains_all', 'list', 'is a list with all of the values'),
  has_none: compare('array_contains_none', 'list', 'is a list with none of the values'),
  lacks_any: compare('not_array_contains_all', 'list', 'is a list that lacks one of the values'),
  in_list: compare('in_segment_list', 'name', 'is in this id list'),
  not_in_list: compare('not_in_segment_list', 'name', 'is not in this id list'),
} as const;

export type Comparison = keyof typeof comparisons;
export const comparisonNames = Object.keys(comparisons) as Comparison[];

/** How versions are compared: part by part, so that 2.10 is above 2.9. */
export const versionComparisons = {
  is: 'version_eq',
  is_not: 'version_neq',
  above: 'version_gt',
  at_least: 'version_gte',
  below: 'version_lt',
  at_most: 'version_lte',
} as const;

export type VersionComparison = keyof typeof versionComparisons;

/** What a condition is about; each one has exactly one of these. */
export const subjects = [
  'everyone',
  'field',
  'unit',
  'country',
  'app_version',
  'environment',
  'time',
  'segment',
  'not_segment',
  'gate',
  'not_gate',
  'experiment',
  'percentage',
] as const;

export type Subject = (typeof subjects)[number];

const comparisonFields = Object.fromEntries(
  comparisonNames.map((name) => [name, operands[comparisons[name].kind].optional().describe(comparisons[name].about)]),
) as { [Name in Comparison]: z.ZodOptional<(typeof operands)[(typeof comparisons)[Name]['kind']]> };

const version = strict(
  Object.fromEntries(Object.keys(versionComparisons).map((name) => [name, versionText.optional()])) as Record<
    VersionComparison,
    z.ZodOptional<typeof versionText>
  >,
);

/** A test on the user, the request or another entity. */
export const conditionSchema = strict({
  everyone: z.literal(true).optional().describe('Always holds'),
  field: z.string().min(1).optional().describe('A field or attribute of the user, with comparisons'),
  unit: z.string().min(1).optional().describe('An id type such as userID, with comparisons'),
  country: values.optional().describe('ISO country codes: of the user, else of the IP address'),
  app_version: version.optional().describe('Version of the app'),
  environment: values.optional().describe('Environments such as production'),
  time: strict({ after: timeText.optional(), before: timeText.optional() }).optional().describe('The time of the call'),
  segment: z.string().min(1).optional().describe('The unit is in this segment'),
  not_segment: z.string().min(1).optional().describe('The unit is not in this segment'),
  gate: z.string().min(1).optional().describe('The unit passes this gate'),
  not_gate: z.string().min(1).optional().describe('The unit does not pass this gate'),
  experiment: z.string().min(1).optional().describe('The unit is in one of `groups` of this experiment'),
  groups: z.array(z.string().min(1)).min(1).optional().describe('Groups for `experiment`'),
  percentage: z
    .number()
    .min(0, { error: 'must be between 0 and 100' })
    .max(100, { error: 'must be between 0 and 100' })
    .refine(isTenth, { error: 'must have at most one decimal' })
    .optional()
    .describe('A share of units, cut the same way wherever the salt is the same'),
  of: z.string().min(1).optional().describe('Id type for `percentage`'),
  salt: z.string().min(1).optional().describe('Salt for `percentage`; the same salt picks the same units'),
  ...comparisonFields,
}).superRefine((condition, context) => {
  for (const message of conditionProblems(condition)) context.addIssue({ code: 'custom', message });
});

export type ConditionDocument = z.output<typeof conditionSchema>;

/** Buckets are thousandths. */
export function isTenth(percentage: number): boolean {
  return Math.abs(percentage * 10 - Math.round(percentage * 10)) < 1e-9;
}

function conditionProblems(condition: Readonly<Record<string, unknown>>): string[] {
  const named = subjects.filter((subject) => condition[subject] !== undefined);
  if (named.length === 0) return [`must say what is tested, by one of ${subjects.join(', ')}`];
  if (named.length > 1) return [`tests ${named.join(' and ')} at once; make a condition of each`];
  return subjectProblems(named[0] as Subject, condition);
}

const companions: Partial<Record<Subject, readonly string[]>> = {
  field: comparisonNames,
  unit: comparisonNames,
  experiment: ['groups'],
  percentage: ['of', 'salt'],
};

function subjectProblems(subject: Subject, condition: Readonly<Record<string, unknown>>): string[] {
  const others = Object.keys(condition).filter((key) => key !== subject && condition[key] !== undefined);
  const allowed = companions[subject] ?? [];
  const stray = others.filter((key) => !allowed.includes(key));
  if (stray.length > 0) return [`${stray.join(', ')} does not go with ${subject}`];
  if ((subject === 'field' || subject === 'unit') && others.length === 0) {
    return [`needs a comparison for ${subject}, such as is: [...]`];
  }
  if (subject === 'experiment' && others.length === 0) return ['needs groups: which groups of the experiment'];
  if (subject === 'app_version' || subject === 'time') {
    const count = Object.keys(condition[subject] as object).length;
    if (count === 0) return [`${subject} needs a comparison`];
  }
  return [];
}

function isInstant(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}
