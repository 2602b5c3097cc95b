import { changeKindToJSON, type EntityChange, type EntityDiff } from '@sluice/proto';
import { type Command, Option } from 'commander';
import { findRef } from '../find-ref.js';
import type { Host, Invocation } from '../host.js';
import { parseCountInput } from '../json-input.js';
import { spellRef } from '../kinds.js';
import { wholeNumber } from '../numbers.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import type { Style } from '../style.js';
import { formatTable } from '../table.js';
import { enumWord, formatSince, isoTime, shorten } from '../words.js';
import { addWriteOptions, changeJsonHelp, changeReport, type WriteOptions } from '../write-options.js';

/** For lists of revisions, newest first. */
export const beforeOption = (): Option =>
  new Option('--before <revision>', 'only what is older than this revision').argParser(
    wholeNumber(1, Number.MAX_SAFE_INTEGER),
  );

/** `history`, `diff` and `rollback`. */
export function addHistory(parent: Command, host: Host): void {
  parent
    .command('history')
    .description('who changed what, when and why, newest first')
    .argument('[key]', 'only changes of this, such as checkout or gate/checkout')
    .addOption(new Option('--limit <count>', 'at most this many').default(20).argParser(wholeNumber(1, 1_000)))
    .addOption(beforeOption())
    .addHelpText(
      'after',
      '\nJSON: {revisions: [{revision, committedAt, author, reason, changeCount, changes: [{key, kind, version}]}]}',
    )
    .action(host.onMesh<ListOptions>(showHistory));
  parent
    .command('diff')
    .description('what differs between two revisions, field by field')
    .argument('<from>', 'a revision; 0 is the empty set')
    .argument('[to]', 'another one; the newest unless said')
    .argument('[key]', 'only this, such as checkout or gate/checkout')
    .addHelpText(
      'after',
      '\nJSON: {from, to, isTruncated, entities: [{key, kind, fromVersion, toVersion, fields: [{path, before, after}]}]}',
    )
    .action(host.onMesh(showDiff));
  const rollback = parent
    .command('rollback')
    .description('make a new revision with the entities of an old one; keys stay as they are')
    .requiredOption('--to <revision>', 'the old one', (text) =>
      parseCountInput('--to', text, 1, Number.MAX_SAFE_INTEGER),
    )
    .option('--expected-revision <n>', 'refuse unless the set is at this revision', (text) =>
      parseCountInput('--expected-revision', text, 0, Number.MAX_SAFE_INTEGER),
    );
  addWriteOptions(rollback).addHelpText('after', `\n${changeJsonHelp}`).action(host.onMesh<RollbackOptions>(rollBack));
}

const kindWord = (kind: EntityChange['kind']): string => enumWord('CHANGE_KIND', changeKindToJSON(kind));

interface ListOptions {
  readonly limit: number;
  readonly before?: number;
}

async function showHistory(session: Session, { args: [key], options }: Invocation<ListOptions>): Promise<Report> {
  const ref = key === undefined ? undefined : await findRef(session, 'key', key);
  const request = { set: session.set, ref, pageSize: options.limit, pageToken: '', beforeRevision: options.before };
  const { revisions } = await session.config.listRevisions(request, session.call);
  const nowMs = Date.now();
  const rows = revisions.map(({ revision, committedAtMs, author, reason, changes, changeCount }) => ({
    ...{ revision, author, reason, changeCount },
    committedAt: isoTime(committedAtMs),
    committedAtMs,
    changes: changes.map((change) => ({
      key: spellRef(change.ref),
      kind: kindWord(change.kind),
      version: change.version,
    })),
  }));
  return {
    document: { revisions: rows.map(({ committedAtMs: _, ...row }) => row) },
    text: (style) => {
      const titles = [
        { title: 'REVISION', align: 'right' as const },
        { title: 'WHEN' },
        { title: 'BY' },
        { title: 'WHAT' },
        { title: 'WHY' },
      ];
      const cells = rows.map((row) => [
        style.strong(String(row.revision)),
        formatSince(row.committedAtMs, nowMs),
        row.author,
        whatOf(row.changes, row.changeCount),
        row.reason,
      ]);
      return rows.length === 0 ? 'no changes yet' : formatTable(titles, cells, style);
    },
  };
}

/** The first few by name; conditions go without saying when there is more to say. */
function whatOf(changes: readonly { key: string; kind: string }[], changeCount: number): string {
  const telling = changes.filter(({ key }) => !key.startsWith('condition/'));
  const shown = (telling.length > 0 ? telling : changes).slice(0, 3);
  const words = shown.map(({ key, kind }) => `${kind.toLowerCase()} ${key}`).join(', ');
  const more = changeCount - shown.length;
  if (shown.length === 0) return 'nothing in the ruleset';
  return more > 0 ? `${words} and ${more} more` : words;
}

async function showDiff(session: Session, { args }: Invocation<object>): Promise<Report> {
  const [from = '', second, third] = args;
  const isRevision = second !== undefined && /^\d+$/.test(second);
  const to = isRevision ? parseCountInput('to', second, 0, Number.MAX_SAFE_INTEGER) : 0;
  const key = isRevision ? third : second;
  const request = {
    set: session.set,
    fromRevision: parseCountInput('from', from, 0, Number.MAX_SAFE_INTEGER),
    toRevision: to,
    ref: key === undefined ? undefined : await findRef(session, 'key', key),
  };
  const { entities, isTruncated, fromRevision, toRevision } = await session.config.diffRevisions(request, session.call);
  return {
    document: {
      ...{ from: fromRevision, to: toRevision, isTruncated },
      entities: entities.map((one) => ({ ...one, ref: undefined, key: spellRef(one.ref), kind: kindWord(one.kind) })),
    },
    text: (style) => {
      if (entities.length === 0) return `revisions ${fromRevision} and ${toRevision} are alike`;
      const more = isTruncated ? [style.warn('… and more than one answer holds')] : [];
      return [...entities.map((one) => diffText(one, style)), ...more].join('\n');
    },
  };
}

function diffText({ ref, kind, fields, isTruncated }: EntityDiff, style: Style): string {
  const head = `${style.strong(spellRef(ref))}  ${kindWord(kind).toLowerCase()}`;
  const lines = fields.flatMap(({ path, before, after }) => [
    `  ${style.faint(path)}`,
    ...(before === '' ? [] : [style.bad(`    - ${shorten(before, 160)}`)]),
    ...(after === '' ? [] : [style.good(`    + ${shorten(after, 160)}`)]),
  ]);
  return [head, ...lines, ...(isTruncated ? ['  …'] : [])].join('\n');
}

interface RollbackOptions extends WriteOptions {
  readonly to: number;
  readonly expectedRevision?: number;
}

async function rollBack(session: Session, { options }: Invocation<RollbackOptions>): Promise<Report> {
  const set = session.requireSet();
  const { to: toRevision, expectedRevision, reason = '' } = options;
  const answer = await session.config.rollback({ set, toRevision, expectedRevision, reason }, session.call);
  const { upserted, deleted, isIdentical } = answer;
  const exactly = isIdentical ? 'exactly as' : 'but for keys as';
  const key = `${set.project}/${set.environment}`;
  const what = `${exactly} revision ${toRevision}: ${upserted} restored, ${deleted} removed`;
  return changeReport(session, { set, key, what, ...answer, more: { upserted, deleted, isIdentical } }, options);
}
