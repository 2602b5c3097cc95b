import { z } from 'zod';
import { strict } from './strict.js';

const about = 'Units that get an answer ahead of all rules. Without this, those that stand stay; [] takes them away';
const idType = z.string().min(1).max(64).optional().describe('Their id type; that of the entity unless said');
const ids = z.array(z.string().min(1).max(1000)).min(1).max(10_000).describe('The units');

interface Row {
  readonly id_type?: string | undefined;
  readonly ids: readonly string[];
}

/** Each unit has one answer. */
function uniqueUnits(rows: readonly Row[], context: z.RefinementCtx): void {
  const seen = new Map<string, number>();
  for (const [index, row] of rows.entries()) {
    for (const [at, id] of row.ids.entries()) {
      const key = JSON.stringify([row.id_type, id]);
      if (seen.has(key)) {
        const message = 'is there twice, and can have one answer; keep one';
        context.addIssue({ code: 'custom', path: [index, 'ids', at], message });
      }
      seen.set(key, index);
    }
  }
}

function listOf<Answer extends z.ZodRawShape>(answer: Answer) {
  const row = strict({ ...answer, ids, id_type: idType });
  return z
    .array(row)
    .max(100)
    .superRefine((rows, context) => uniqueUnits(rows as readonly Row[], context))
    .optional();
}

const jsonObject = z.record(z.string(), z.json(), { error: 'must be an object with named parameters' });

export const gateOverrides = listOf({ value: z.boolean() }).describe(about);
export const configOverrides = listOf({ value: jsonObject.describe('The whole answer') }).describe(about);
export const experimentOverrides = listOf({ group: z.string().min(1).describe('One of the groups') }).describe(about);
