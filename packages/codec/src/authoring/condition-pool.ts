import { createHash } from 'node:crypto';
import type { Condition, Entity } from '@sluice/proto';
import { conditionsOf } from './compile-condition.js';
import type { ConditionDocument } from './condition-schema.js';

/** The id that documents give to a condition: a digest of what it says. */
export function conditionId(condition: Condition): string {
  const { type, idType, targetValueJson, operator, field, additionalValues } = condition;
  const content = JSON.stringify([type, idType, targetValueJson, operator, field, Object.entries(additionalValues)]);
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/**
 * The conditions of a document. Equal ones become one, and the id is a digest of the content:
 * the same condition has the same id in every document, and an edit never renames another.
 */
export class ConditionPool {
  readonly #conditions = new Map<string, Condition>();

  /** Ids of the conditions of a rule, in order. */
  addAll(documents: readonly ConditionDocument[], idType: string): string[] {
    return documents.flatMap((document) => conditionsOf(document, idType)).map((condition) => this.add(condition));
  }

  add(condition: Condition): string {
    const id = conditionId(condition);
    this.#conditions.set(id, condition);
    return id;
  }

  /** In the order of ids, so that the order of a document does not matter. */
  entities(): Entity[] {
    return [...this.#conditions]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, value]) => ({ name, version: 0, body: { $case: 'condition', value } }));
  }
}
