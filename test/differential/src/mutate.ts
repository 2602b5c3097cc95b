/** Documents in which something is not as it should be. */
import type { DocumentData, Json } from './document.js';
import { spelled } from './document.js';
import type { Random } from './random.js';

type Container = Record<string, unknown> | unknown[];

/** Places of a document below its sections. */
function placesOf(document: DocumentData): (readonly [container: Container, key: string])[] {
  const places: (readonly [Container, string])[] = [];
  const visit = (node: unknown, depth: number): void => {
    if (typeof node !== 'object' || node === null || 'spelled' in node) return;
    for (const [key, member] of Object.entries(node)) {
      if (depth > 0) places.push([node as Container, key]);
      visit(member, depth + 1);
    }
  };
  visit(document, 0);
  return places;
}

const nested = (depth: number): Json => spelled('['.repeat(depth) + ']'.repeat(depth));

/** Undefined takes away what is there. No large integers: the reference's binding hands them out as texts, now and then. */
const oddities: readonly (Json | undefined)[] = [
  ...[null, 5, -1, 1.5, 's', '', true, false, [], {}, ['a'], { a: 1 }, [null], 1e21, '1'],
  ...['"\\ud800"', '{"a":"\\udc00"}', '1e400', '[1e400]', '-0', '1.0', '{"a":1,"a":2}'].map(spelled),
  ...[nested(126), nested(127), nested(300)],
  ...[undefined, undefined, undefined],
];

/** A copy with one or two things replaced or taken away. */
export function mutate(random: Random, document: DocumentData): DocumentData {
  const mutated = structuredClone(document);
  for (let count = 1 + random.below(2); count > 0; count--) {
    const [container, key] = random.pick(placesOf(mutated));
    const oddity = random.pick(oddities);
    if (oddity !== undefined) Object.assign(container, { [key]: oddity });
    else if (Array.isArray(container)) container.splice(Number(key), 1);
    else delete container[key];
  }
  return mutated;
}
