import { SluiceError } from '@sluice/mesh';
import { type Condition, Section, type Spec } from '@sluice/proto';
import { rawJson } from './report.js';
import type { Session } from './session.js';
import { shorten } from './words.js';

/** By id; those that nothing answers to are not in it. */
export type Conditions = ReadonlyMap<string, Condition>;

/** A rule may have a hundred conditions, and a spec hundreds of rules: they are not all asked for at once. */
const callsAtOnceMax = 32;

/** The conditions that the rules of a spec mention, as of a revision. */
export async function readConditions(session: Session, { rules }: Spec, revision: number): Promise<Conditions> {
  const ids = [...new Set(rules.flatMap(({ conditionIds }) => conditionIds))];
  const found = new Map<string, Condition>();
  for (let from = 0; from < ids.length; from += callsAtOnceMax) {
    const some = ids.slice(from, from + callsAtOnceMax);
    const conditions = await Promise.all(some.map((id) => readCondition(session, id, revision)));
    for (const [at, condition] of conditions.entries()) if (condition) found.set(some[at] ?? '', condition);
  }
  return found;
}

async function readCondition(session: Session, name: string, revision: number): Promise<Condition | undefined> {
  try {
    const ref = { section: Section.CONDITION, name };
    const { entity } = await session.config.getEntity({ set: session.set, ref, revision }, session.call);
    return entity?.body?.$case === 'condition' ? entity.body.value : undefined;
  } catch (error) {
    // Documents of other systems may mention conditions that they don't hold.
    if (error instanceof SluiceError && error.kind === 'not_found') return undefined;
    throw error;
  }
}

/** For programs. */
export function conditionDocument(id: string, condition: Condition | undefined): Record<string, unknown> {
  if (!condition) return { id };
  const { type, field = null, operator = null, targetValueJson, idType } = condition;
  const targetValue = targetValueJson === undefined ? null : rawJson(targetValueJson);
  return { id, type, field, operator, targetValue, idType };
}

/** For people, such as `country any ["DE","AT"]`. */
export function conditionWords({ type, field, operator, targetValueJson = '', idType }: Condition): string {
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
