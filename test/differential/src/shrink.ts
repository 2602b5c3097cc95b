/** Makes a mismatch small enough to read: takes away whatever it does not need. */
import { isDeepStrictEqual } from 'node:util';
import { compareDocument, type Mismatch } from './compare.js';
import { type Referee, RefereeCrash, type Surroundings } from './referee.js';

type Container = Record<string, unknown> | unknown[];

/** Rounds of taking away; each may allow more in the next. */
const roundsMax = 4;

/** The smallest document and user found on which the same entity is still answered differently. */
export async function shrink(referee: Referee, mismatch: Mismatch, surroundings: Surroundings): Promise<Mismatch> {
  let smallest = mismatch;
  const wanted = differencesOf(mismatch);
  const stillDiffers = async (candidate: Mismatch): Promise<boolean> => {
    try {
      const { mismatches } = await compareDocument(referee, candidate.document, [candidate.user], surroundings);
      const same = mismatches.find((found) => found.entity === mismatch.entity && differencesOf(found) === wanted);
      if (same !== undefined) smallest = same;
      return same !== undefined;
    } catch (error) {
      if (error instanceof RefereeCrash || error instanceof Error) return false;
      throw error;
    }
  };
  for (let round = 0; round < roundsMax; round++) {
    const before = sizeOf(smallest);
    for (const path of removablePaths(smallest)) {
      const candidate = without(smallest, path);
      if (candidate !== undefined) await stillDiffers(candidate);
    }
    if (sizeOf(smallest) === before) break;
  }
  return smallest;
}

/** Which parts of the answer differ: a smaller case must differ in the same way. */
function differencesOf({ ours, theirs }: Mismatch): string {
  const left = (ours ?? {}) as Record<string, unknown>;
  const right = (theirs ?? {}) as Record<string, unknown>;
  return Object.keys(right)
    .filter((key) => !isDeepStrictEqual(left[key], right[key]))
    .join();
}

function sizeOf({ document, user }: Mismatch): number {
  return JSON.stringify([document, user]).length;
}

/** Paths to everything that might be taken away, whole entities before their parts, later elements first. */
function removablePaths(mismatch: Mismatch): string[][] {
  const paths: string[][] = [];
  const visit = (node: unknown, path: string[], depth: number): void => {
    if (typeof node !== 'object' || node === null || depth > 5) return;
    for (const key of Object.keys(node).reverse()) {
      if (path.length > 1) paths.push([...path, key]);
      visit((node as Record<string, unknown>)[key], [...path, key], depth + 1);
    }
  };
  visit(mismatch.document, ['document'], 0);
  visit(mismatch.user, ['user'], 0);
  for (const key of Object.keys(mismatch.user)) paths.push(['user', key]);
  return paths.sort((left, right) => left.length - right.length);
}

/** A copy without what is at the path; undefined when there is nothing. */
function without(mismatch: Mismatch, path: readonly string[]): Mismatch | undefined {
  const copy = structuredClone(mismatch);
  let container: unknown = copy;
  for (const key of path.slice(0, -1)) {
    if (typeof container !== 'object' || container === null) return undefined;
    container = (container as Record<string, unknown>)[key];
  }
  const key = path.at(-1) ?? '';
  if (typeof container !== 'object' || container === null || !Object.hasOwn(container, key)) return undefined;
  remove(container as Container, key);
  return copy;
}

function remove(container: Container, key: string): void {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}
