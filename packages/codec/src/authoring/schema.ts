import { z } from 'zod';
import { conditionSchema, isTenth } from './condition-schema.js';
import { strict } from './strict.js';

const nameRule = 'must be 1 to 128 letters, digits, dashes, dots or underscores, and start with a letter or digit';
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, { error: nameRule });
const setName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, {
  error: 'must be 1 to 64 lower-case letters, digits or dashes',
});
const description = z.string().max(1000).optional().describe('For people');
const idType = z.string().min(1).max(64).default('userID').describe('The id type of the units');
const salt = z.string().min(1).max(128).optional();
const range = { error: 'must be between 0 and 100' };
const percentage = z.number().min(0, range).max(100, range);
const tenths = percentage.refine(isTenth, { error: 'must have at most one decimal' });
const when = z.array(conditionSchema).max(100).default([]).describe('All must hold; none means everybody');
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

const segment = strict({
  description,
  when: z.array(conditionSchema).min(1).max(100).optional().describe('All must hold'),
  rules: z
    .array(strict({ name, when: z.array(conditionSchema).min(1).max(100) }))
    .min(1)
    .max(500)
    .superRefine(uniqueNames)
    .optional()
    .describe('Any of them puts the unit in the segment'),
}).superRefine(({ when, rules }, context) => {
  if ((when === undefined) === (rules === undefined)) {
    context.addIssue({ code: 'custom', message: 'needs either when (all must hold) or rules (any of them)' });
  }
});

const gateRule = strict({
  name: name.describe('Reported with answers, and part of the hash: keep it, and nobody is reshuffled'),
  when,
  percentage: percentage.default(100).describe('Share of the matching units that get the value'),
  value: z.boolean().default(true).describe('false makes it a rule that keeps units out'),
});

const gate = strict({
  description,
  on: z.boolean().default(true).describe('Off answers false for everybody and keeps the rules'),
  id_type: idType,
  salt,
  rules: z.array(gateRule).max(500).superRefine(uniqueNames).default([]).describe('The first that matches decides'),
});

const configRule = strict({
  name: name.describe('Reported with answers, and part of the hash'),
  when,
  percentage: percentage.default(100).describe('Share of the matching units that get the value'),
  value: jsonObject.describe('The whole answer'),
});

const config = strict({
  description,
  id_type: idType,
  salt,
  default: jsonObject.describe('The answer when no rule matches'),
  rules: z.array(configRule).max(500).superRefine(uniqueNames).default([]).describe('The first that matches decides'),
});

const group = strict({
  name: name.describe('Reported with answers and exposures'),
  weight: tenths.describe('Share of the experiment, in percent; all weights make 100'),
  value: jsonObject.default({}).describe('Parameters that differ from the defaults'),
  ids: z.array(z.string().min(1)).max(1000).optional().describe('Units that always get this group, for trying it out'),
});

const experimentFields = {
  description,
  status: z.enum(['draft', 'running', 'stopped']).default('running').describe('Only running ones assign groups'),
  id_type: idType.optional(),
  salt,
  allocation: strict({ from: tenths, to: tenths })
    .default({ from: 0, to: 100 })
    .describe('The slice of units it may use, in percent; slices of one layer may not overlap'),
  when: when.describe('Targeting: units that fail it get the defaults'),
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

const experiment = strict({ ...experimentFields, parameters: jsonObject.describe('Defaults, outside the experiment') });

const layer = strict({
  description,
  id_type: idType,
  salt,
  parameters: jsonObject.describe('Every parameter with its default'),
  experiments: z.record(name, strict(experimentFields)).default({}).describe('Mutually exclusive'),
});

/** A whole project as its authors write it. */
export const documentSchema = strict({
  project: setName.describe('The project that this document describes'),
  description,
  segments: z.record(name, segment).default({}).describe('Reusable audiences'),
  gates: z.record(name, gate).default({}).describe('On or off for a unit'),
  configs: z.record(name, config).default({}).describe('JSON for a unit'),
  experiments: z.record(name, experiment).default({}).describe('Experiments with parameters of their own'),
  layers: z.record(name, layer).default({}).describe('Mutually exclusive experiments over shared parameters'),
});

export type ProjectDocument = z.output<typeof documentSchema>;
export type SegmentDocument = z.output<typeof segment>;
export type GateDocument = z.output<typeof gate>;
export type ConfigDocument = z.output<typeof config>;
export type ExperimentDocument = z.output<typeof experiment>;
export type LayerDocument = z.output<typeof layer>;
export type LayerExperimentDocument = LayerDocument['experiments'][string];

/** The JSON Schema of the friendly document, for editors. */
export function authoringJsonSchema(): object {
  return z.toJSONSchema(documentSchema, { io: 'input', target: 'draft-2020-12' });
}
