import { equalHashes } from '@sluice/codec';
import type { Queryable, Transaction } from '@sluice/postgres';
import type { Project, SetRef } from '@sluice/proto';
import { chainHash, firstHash } from './audit.js';
import { type AuditLine, readAuditAfter, writeAudit } from './audit-store.js';
import { type AuditedChange, bodyDigest, parseChanges } from './audited-changes.js';
import { lockProject, type Notes, noteProject, readProject } from './project-store.js';
import { createProject } from './store.js';

/**
 * A project's own audit log: what was done to the project itself. It is one more log in the same
 * table, of no environment, and its lines are numbered as the project's versions. A project of
 * the time before there was such a log has lines from its next change on.
 */
export const projectLog = (project: string): SetRef => ({ project, environment: '' });

/** Makes a project, and the first line of its log. @returns whether it is new. */
export async function makeProject(tx: Transaction, name: string, author: string, reason: string): Promise<boolean> {
  if (!(await createProject(tx, name, author))) return false;
  await writeLine(tx, name, undefined, reason === '' ? 'created' : `created: ${reason}`);
  return true;
}

/** Changes what is said of a project that is locked, and says so in its log. */
export async function changeProject(
  tx: Transaction,
  before: Project,
  change: { readonly notes: Notes; readonly atMs: number; readonly author: string; readonly reason: string },
): Promise<Project | undefined> {
  await noteProject(tx, before.name, change.notes, change.atMs, change.author);
  return writeLine(tx, before.name, before, change.reason);
}

async function writeLine(
  tx: Transaction,
  name: string,
  before: Project | undefined,
  reason: string,
): Promise<Project | undefined> {
  const after = await lockProject(tx, name);
  if (!after) return undefined;
  const change: AuditedChange = [`project/${name}`, before ? digestOf(before) : null, digestOf(after)];
  const { version: revision, changedAtMs: atMs, changedBy: author } = after;
  const changes = JSON.stringify([change]);
  await writeAudit(tx, { ...projectLog(name), revision, atMs, author, reason, changes });
  return after;
}

const digestOf = ({ description, isArchived }: Pick<Project, 'description' | 'isArchived'>): string =>
  bodyDigest(Buffer.from(JSON.stringify([description, isArchived])));

/** How far a project's log was recomputed, and the first line that does not hold. */
export interface ProjectCheck {
  readonly rows: number;
  readonly lastHash: Buffer;
  readonly broken?: { readonly revision: number; readonly problem: string };
}

const linesAtOnce = 500;

/** Recomputes a project's log from its first line, and holds its last against the project. */
export async function checkProjectLog(tx: Queryable, name: string): Promise<ProjectCheck> {
  let rows = 0;
  let last: AuditLine | undefined;
  for (;;) {
    const lines = await readAuditAfter(tx, projectLog(name), last?.entry.revision ?? 0, linesAtOnce);
    for (const line of lines) {
      const problem = problemOf(line, last);
      const lastHash = last?.hash ?? firstHash;
      const { revision } = line.entry;
      if (problem) return { rows, lastHash, broken: { revision, problem: `line ${revision} ${problem}` } };
      rows += 1;
      last = line;
    }
    if (lines.length < linesAtOnce) break;
  }
  const lastHash = last?.hash ?? firstHash;
  const broken = last && contradictionOf(last, await readProject(tx, name));
  return { rows, lastHash, ...(broken && { broken }) };
}

function problemOf({ entry, previousHash, hash }: AuditLine, before: AuditLine | undefined): string | undefined {
  if (before && entry.revision !== before.entry.revision + 1) {
    return `follows line ${before.entry.revision}: the lines between them are gone`;
  }
  if (!equalHashes(previousHash, before?.hash ?? firstHash)) return 'is not chained to the line before it';
  if (!equalHashes(hash, chainHash(previousHash, entry))) return 'was changed: its content has another hash';
  const [change] = parseChanges(entry.changes) ?? [];
  if (!change) return 'lists its changes in a form that nobody wrote';
  if (before && change[1] !== parseChanges(before.entry.changes)?.[0]?.[2]) {
    return 'says that the project was something else before';
  }
  return undefined;
}

function contradictionOf({ entry }: AuditLine, project: Project | undefined): ProjectCheck['broken'] {
  const { revision } = entry;
  if (!project) return { revision, problem: 'the project is gone, and its log says nothing of that' };
  if (project.version !== revision) {
    const problem = `the log ends at version ${revision}, the project stands at ${project.version}`;
    return { revision: revision + 1, problem };
  }
  if (parseChanges(entry.changes)?.[0]?.[2] === digestOf(project)) return undefined;
  return { revision, problem: `the project stands with another description or state than line ${revision} says` };
}
