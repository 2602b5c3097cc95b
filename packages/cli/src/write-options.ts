import type { Entity, SetRef, WriteEntitiesResponse } from '@sluice/proto';
import type { Command } from 'commander';
import { awaitArrivals, waitJsonHelp } from './arrivals.js';
import { exitCodes } from './exit-code.js';
import { parseCountInput } from './json-input.js';
import { spellEntity, spellRef } from './kinds.js';
import type { Report } from './report.js';
import type { Session } from './session.js';
import { isoTime } from './words.js';

/** What every command that changes a ruleset can be told. */
export interface WriteOptions {
  readonly reason?: string;
  readonly wait?: boolean;
}

export function addWriteOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why, for the audit log')
    .option('--wait', 'wait until every live evaluator answers by the change');
}

export function addExpectedVersion(command: Command): Command {
  return command.option('--expected-version <n>', 'refuse unless it is at this version', (text) =>
    parseCountInput('--expected-version', text, 0, 2 ** 32 - 1),
  );
}

/** What became of a change of one thing. */
export interface Change {
  readonly set: SetRef;
  /** For people, such as `gate/checkout`. */
  readonly key: string;
  /** Such as `archived`. */
  readonly what: string;
  readonly revision: number;
  readonly version?: number;
  readonly committedAtMs: number;
  readonly more?: Readonly<Record<string, unknown>>;
}

export const changeJsonHelp = `JSON: {project, environment, key, revision, version, committedAt, isEverywhere,
       evaluators: [{instance, region, revision, latencyMs, isForeign, hasIt}]}
      ${waitJsonHelp}`;

/** Says what was done, after the wait that was asked for. */
export async function changeReport(session: Session, change: Change, { wait }: WriteOptions): Promise<Report> {
  const { set, key, what, revision, version, committedAtMs, more } = change;
  const arrivals = await awaitArrivals(session, set, revision, wait);
  return {
    document: {
      ...set,
      key,
      revision,
      version: version ?? null,
      committedAt: isoTime(committedAtMs),
      ...more,
      ...arrivals.document,
    },
    text: (style) => {
      const at = version === undefined ? '' : ` · version ${version}`;
      return `${style.strong(key)}  ${what} · revision ${revision}${at}${arrivals.text(style)}`;
    },
    exitCode: arrivals.isLate ? exitCodes.unavailable : exitCodes.ok,
  };
}

export const writeJsonHelp = `JSON: {project, environment, isDryRun, revision, committedAt,
       entities: [{key, version, isChanged}], warnings: [{path, message}], isEverywhere, evaluators}
      ${waitJsonHelp}`;

/** Says what a write of several things did, or would do; `written` is what was sent. */
export async function writeReport(
  session: Session,
  set: SetRef,
  written: readonly Entity[],
  answer: WriteEntitiesResponse,
  { wait, dryRun = false }: WriteOptions & { readonly dryRun?: boolean },
): Promise<Report> {
  const { revision, committedAtMs, warnings } = answer;
  const entities = answer.entities.map(({ ref, version, isChanged }, at) => {
    const sent = written[at];
    return { key: sent ? spellEntity(sent) : spellRef(ref), version, isChanged };
  });
  const arrivals = await awaitArrivals(session, set, revision, wait && !dryRun);
  const shown = entities.filter(({ key, isChanged }) => isChanged && !key.startsWith('condition/'));
  return {
    document: {
      ...set,
      isDryRun: dryRun,
      revision,
      committedAt: dryRun ? null : isoTime(committedAtMs),
      entities,
      warnings: warnings.map(({ path, message }) => ({ path, message })),
      ...arrivals.document,
    },
    text: (style) => {
      const isSame = entities.every(({ isChanged }) => !isChanged);
      const head = isSame
        ? `nothing differed · revision ${revision}`
        : dryRun
          ? `${style.good('valid')}, would become revision ${revision}; nothing was changed`
          : `written · revision ${revision}`;
      const lines = shown.map(({ key, version }) => `  ${style.strong(key)}  version ${version}`);
      const notes = warnings.map(({ path, message }) => style.warn(`  ${path}: ${message}`));
      return `${[head, ...lines, ...notes].join('\n')}${arrivals.text(style)}`;
    },
    exitCode: arrivals.isLate ? exitCodes.unavailable : exitCodes.ok,
  };
}
