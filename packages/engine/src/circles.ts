/** What leads back to itself, whatever it is made of. */

/** The way from a node back to itself: the first and the last are the same. */
export type Circle<Node> = readonly Node[];

interface Visit<Node> {
  readonly node: Node;
  readonly key: string;
  readonly targets: readonly Node[];
  next: number;
}

/**
 * Walks depth first from the given nodes, without recursion: a chain may be as long as the set is large.
 * Each circle is found once.
 */
export function findCirclesFrom<Node>(
  starts: Iterable<Node>,
  keyOf: (node: Node) => string,
  targetsOf: (node: Node) => readonly Node[],
): Circle<Node>[] {
  const circles: Circle<Node>[] = [];
  const done = new Set<string>();
  const open = new Map<string, number>();
  const visits: Visit<Node>[] = [];
  const enter = (node: Node): void => {
    const key = keyOf(node);
    open.set(key, visits.length);
    visits.push({ node, key, targets: targetsOf(node), next: 0 });
  };
  for (const start of starts) {
    if (!done.has(keyOf(start))) enter(start);
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const target = visit.targets[visit.next++];
      if (target === undefined) {
        visits.pop();
        open.delete(visit.key);
        done.add(visit.key);
        continue;
      }
      const from = open.get(keyOf(target));
      if (from !== undefined) circles.push([...visits.slice(from).map(({ node }) => node), target]);
      else if (!done.has(keyOf(target))) enter(target);
    }
  }
  return circles;
}
