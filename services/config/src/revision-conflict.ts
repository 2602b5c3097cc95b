import { entityKey } from '@sluice/codec';
import type { FieldProblem, SluiceError } from '@sluice/mesh';
import type { Queryable } from '@sluice/postgres';
import type { Entity, RevisionSummary, SetRef } from '@sluice/proto';
import { conflictOf, difference, shown } from './both-sides.js';
import type { Head, Plan } from './head.js';
import { listRevisions } from './revision-store.js';
import { differencesOf } from './version-conflict.js';

const revisionsShown = 3;
const keysShown = 4;
/** Looked through for what both sides change. */
const revisionsMax = 20;
const longestText = 200;

/**
 * Refuses a change to a set that is not at the revision that the caller looked at.
 * @throws SluiceError `conflict` naming who made which revision since, what these touched, and how what
 * both sides change differs.
 */
export async function refuseStale(
  db: Queryable,
  set: SetRef,
  head: Head,
  plan: Plan,
  expected: number | undefined,
): Promise<void> {
  if (expected === undefined || expected === head.revision) return;
  const newest = await listRevisions(db, set, undefined, undefined, revisionsMax);
  throw revisionConflict(
    head,
    plan,
    expected,
    newest.filter(({ revision }) => revision > expected),
  );
}

/** @param since - newest first, as far as they are looked at. */
export function revisionConflict(
  head: Head,
  plan: Plan,
  expected: number,
  since: readonly RevisionSummary[],
): SluiceError {
  const at = `the set is at revision ${head.revision}, not ${expected}`;
  const made = since.slice(0, revisionsShown).map(spell);
  const more = head.revision - expected - made.length;
  const story = [...made, ...(made.length > 0 && more > 0 ? [`${more} more before`] : [])].join('; ');
  const touched = new Set(since.flatMap(({ changes }) => changes.flatMap(({ ref }) => (ref ? entityKey(ref) : []))));
  return conflictOf('expected_revision', story === '' ? at : `${at}: ${story}`, differencesWith(head, plan, touched));
}

function spell({ revision, author, committedAtMs, changes, changeCount }: RevisionSummary): string {
  const keys = changes.flatMap(({ ref }) => (ref ? entityKey(ref).slice(0, longestText) : [])).slice(0, keysShown);
  const others = changeCount > keys.length ? ` and ${changeCount - keys.length} more` : '';
  const what = keys.length > 0 ? ` of ${keys.join(', ')}${others}` : '';
  return `${JSON.stringify(author)} wrote revision ${revision}${what} at ${new Date(committedAtMs).toISOString()}`;
}

/** How the caller's entities differ from those that others touched. */
function differencesWith(head: Head, plan: Plan, touched: ReadonlySet<string>): FieldProblem[] {
  const yours = new Map<string, Entity | undefined>(plan.deletions.map((ref) => [entityKey(ref), undefined]));
  for (const entity of plan.upserts) yours.set(entityKey(entity), entity);
  const found: FieldProblem[] = [];
  for (const key of touched) {
    if (!yours.has(key)) continue;
    found.push(...differencesAt(key, head.entities.get(key)?.entity, yours.get(key)));
    if (found.length >= shown.fieldsMax) break;
  }
  return found.slice(0, shown.fieldsMax);
}

function differencesAt(key: string, stored: Entity | undefined, yours: Entity | undefined): FieldProblem[] {
  if (stored && yours) return differencesOf(stored, yours);
  if (!stored && !yours) return [];
  return [difference(key.slice(0, longestText), yours ? 'there' : '', stored ? 'there' : '')];
}
