import type { Entity } from '@sluice/proto';

/**
 * The one spelling of an entity that may be stored, hashed or sent: maps in sorted key order.
 * Generated code writes a map in the order of its object, so that two equal entities could
 * otherwise have different bytes, and with them different state hashes.
 */
export function canonicalEntity(entity: Entity): Entity {
  const { body } = entity;
  switch (body?.$case) {
    case 'condition': {
      const additionalValues = sortedRecord(body.value.additionalValues);
      return { ...entity, body: { $case: 'condition', value: { ...body.value, additionalValues } } };
    }
    case 'paramStore': {
      const parameters = sortedRecord(body.value.parameters);
      return { ...entity, body: { $case: 'paramStore', value: { ...body.value, parameters } } };
    }
    default:
      return entity;
  }
}

/**
 * Sorted by UTF-16 units; names that are array indexes come first, because that is how objects
 * iterate whatever one does. `__proto__` is left out: generated decoders can't receive it.
 */
function sortedRecord<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  const sorted: Record<string, Value> = {};
  for (const key of Object.keys(record).sort()) {
    const value = record[key];
    if (key !== '__proto__' && value !== undefined) sorted[key] = value;
  }
  return sorted;
}
