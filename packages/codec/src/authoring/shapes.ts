import { z } from 'zod';
import { conditionSchema, isTenth } from './condition-schema.js';
import { configOverrides, experimentOverrides, gateOverrides } from './override-shapes.js';
import { strict } from './strict.js';

const nameRule = 'must be 1 to 128 letters, digits, dashes, dots or underscores, and start with a letter or digit';
export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, { error: nameRule });
export const setName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, {
  error: 'must be 1 to 64 lower-case letters, digits or dashes',
});
export const description = z.string().max(1000).optional().describe('For people');
const idType = z.string().min(1).max(64).default('userID').describe('The id type of the units');
const salt = z.string().min(1).max(128).optional();
const range = { error: 'must be between 0 and 100' };
const percentage = z.number().min(0, range).max(100, range);
const tenths = percentage.refine(isTenth, { error: 'must have at most one decimal' });
const when = z.array(conditionSchema).max(100).default([]).describe('All must hold; none means everybody');
const holdout = z.string().min(1).optional().describe('Units of this holdout get the default, whatever the rules say');
const jsonObject = z.record(z.string(), z.json(), { error: 'must be an object with named parameters' });

/** Names within a list have to differ, because answers report them and hashes are salted with them. */
function uniqueNames(rows: readonly { readonly name: string }[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, row] of rows.entries()) {
    if (seen.has(row.name)) {
      context.addIssue({ code: 'custom', path: [index, 'name'], message: `${row.name} is used above; choose another` });
    }
    seen.add(row.name);
  }
}

export const segmentShape = {
  description,
  when: z.array(conditionSchema).min(1).max(100).optional().describe('All must hold'),
  rules: z
    .array(strict({ name, when: z.array(conditionSchema).min(1).max(100) }))
    .min(1)
    .max(500)
    .superRefine(uniqueNames)
    .optional()
    .describe('Any of them puts the unit in the segment'),
};

interface EitherRules {
  readonly when?: unknown;
  readonly rules?: unknown;
}

export function eitherWhenOrRules({ when, rules }: EitherRules, context: z.RefinementCtx): void {
  if ((when === undefined) === (rules === undefined)) {
    context.addIssue({ code: 'custom', message: 'needs either when (all must hold) or rules (any of them)' });
  }
}

const gateRule = strict({
  name: name.describe('Reported with answers, and part of the hash: keep it, and nobody is reshuffled'),
  when,
  percentage: percentage.default(100).describe('Share of the matching units that get the value'),
  value: z.boolean().default(true).describe('false makes it a rule that keeps units out'),
});

export const gateShape = {
  description,
  on: z.boolean().default(true).describe('Off answers false for everybody and keeps the rules'),
  id_type: idType,
  salt,
  holdout,
  rules: z.array(gateRule).max(500).superRefine(uniqueNames).default([]).describe('The first that matches decides'),
  overrides: gateOverrides,
};

const configRule = strict({
  name: name.describe('Reported with answers, and part of the hash'),
  when,
  percentage: percentage.default(100).describe('Share of the matching units that get the value'),
  value: jsonObject.describe('The whole answer'),
});

export const configShape = {
  description,
  id_type: idType,
  salt,
  holdout,
  default: jsonObject.describe('The answer when no rule matches'),
  rules: z.array(configRule).max(500).superRefine(uniqueNames).default([]).describe('The first that matches decides'),
  overrides: configOverrides,
};

const group = strict({
  name: name.describe('Reported with answers and exposures'),
  weight: tenths.describe('Share of the experiment, in percent; all weights make 100'),
  value: jsonObject.default({}).describe('Parameters that differ from the defaults'),
  ids: z.array(z.string().min(1)).max(1000).optional().describe('Units that always get this group, for trying it out'),
});

export const experimentShape = {
  description,
  status: z.enum(['draft', 'running', 'stopped']).default('running').describe('Only running ones assign groups'),
  id_type: idType.optional(),
  salt,
  holdout,
  allocation: strict({ from: tenths, to: tenths })
    .default({ from: 0, to: 100 })
    .describe('The slice of units it may use, in percent; slices of one layer may not overlap'),
  when: when.describe('Targeting: units that fail it get the defaults'),
  overrides: experimentOverrides,
  groups: z
    .array(group)
    .min(1)
    .max(100)
    .superRefine((groups, context) => {
      uniqueNames(groups, context);
      const total = groups.reduce((sum, { weight }) => sum + weight, 0);
      if (Math.abs(total - 100) > 1e-9) {
        context.addIssue({ code: 'custom', message: `weights must make 100, they make ${Number(total.toFixed(1))}` });
      }
    }),
};

export const ownParameters = jsonObject.describe('Defaults, outside the experiment');

export const layerShape = {
  description,
  id_type: idType,
  salt,
  parameters: jsonObject.describe('Every parameter with its default'),
  experiments: z.record(name, strict(experimentShape)).default({}).describe('Mutually exclusive'),
  overrides: configOverrides,
};

export const holdoutShape = {
  description,
  id_type: idType,
  salt,
  percentage: tenths.describe('Share of the matching units that is held out'),
  when,
};

const parameterSources = ['value', 'gate', 'config', 'experiment', 'layer'] as const;

const parameter = strict({
  value: z.json().optional().describe('The same for everybody'),
  gate: name.optional().describe('By this gate: `on` when it passes, `off` when not'),
  on: z.json().optional(),
  off: z.json().optional(),
  config: name.optional().describe('The `parameter` of this config'),
  experiment: name.optional().describe('The `parameter` of this experiment'),
  layer: name.optional().describe('The `parameter` of this layer'),
  parameter: z.string().min(1).optional().describe('Name over there; the same name unless said'),
  type: z
    .enum(['boolean', 'string', 'number', 'object', 'array'])
    .optional()
    .describe('Needed where no value shows it'),
}).superRefine((row, context) => {
  const named = parameterSources.filter((source) => row[source] !== undefined);
  const fail = (message: string): void => context.addIssue({ code: 'custom', message });
  if (named.length !== 1)
    return fail(`needs one of ${parameterSources.join(', ')}, it has ${named.join(', ') || 'none'}`);
  if (row.gate !== undefined && (row.on === undefined || row.off === undefined)) fail('needs on and off beside gate');
  if (row.gate === undefined && (row.on !== undefined || row.off !== undefined)) fail('on and off go with gate');
  const isElsewhere = row.value === undefined && row.gate === undefined;
  if (isElsewhere && row.type === undefined) fail('needs type: what the parameter over there is');
});

export const storeShape = {
  description,
  parameters: z.record(z.string().min(1).max(128), parameter).describe('By name, where each takes its value from'),
};

export const listShape = {
  description,
  id_type: idType,
  ids: z
    .array(z.string().min(1).max(1000))
    .max(10_000)
    .describe('Up to 10,000 ids; longer lists go with `sluice list upload`'),
};
