import { invalid } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';
import { type Command, Option } from 'commander';
import { exitCodes } from '../exit-code.js';
import type { Host, Invocation } from '../host.js';
import { wholeNumber } from '../numbers.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import type { Style } from '../style.js';
import { formatSince, isoTime, shorten } from '../words.js';
import { beforeOption } from './history.js';

/** Every line is recomputed, so a long log takes a while. */
const verifyTimeoutMs = 300_000;

interface LogOptions {
  readonly ofProject?: boolean;
}

interface ListOptions extends LogOptions {
  readonly limit: number;
  readonly before?: number;
}

const ofProjectHelp = 'of what was done to the project itself';

/** Whose log: the set's, or the project's own. */
function logOf({ context: { project }, set }: Session, { ofProject }: LogOptions): SetRef | undefined {
  if (!ofProject) return set;
  if (project) return { project, environment: '' };
  throw invalid('--project', 'is missing; name it here, in SLUICE_PROJECT or in the context file');
}

export function addAudit(parent: Command, host: Host): void {
  const group = parent.command('audit').description('the log of who did what, which nobody can change unnoticed');
  group
    .command('list')
    .description('who, when, why, before and after; newest first')
    .addOption(new Option('--limit <count>', 'at most this many').default(20).argParser(wholeNumber(1, 200)))
    .addOption(beforeOption())
    .option('--of-project', ofProjectHelp)
    .addHelpText(
      'after',
      '\nJSON: {rows: [{revision, at, author, reason, changeCount, hash, previousHash,\n       changes: [{key, before, after, fields: [{path, before, after}]}]}]}; before and after are digests',
    )
    .action(host.onMesh<ListOptions>(listAudit));
  group
    .command('verify')
    .description('recompute the whole log and all that it says; names the first row that does not hold')
    .option('--of-project', ofProjectHelp)
    .addHelpText('after', '\nJSON: {isIntact, rows, entityVersions, firstBrokenRevision, problem, lastHash}')
    .action(host.onMesh<LogOptions>(verifyAudit));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

async function listAudit(session: Session, { options }: Invocation<ListOptions>): Promise<Report> {
  const { limit: pageSize, before: beforeRevision } = options;
  const request = { set: logOf(session, options), pageSize, pageToken: '', beforeRevision };
  const { rows } = await session.config.listAudit(request, session.call);
  const nowMs = Date.now();
  return {
    document: {
      rows: rows.map(({ atMs, hash, previousHash, changes, ...row }) => ({
        ...row,
        at: isoTime(atMs),
        hash: hex(hash),
        previousHash: hex(previousHash),
        changes: changes.map(({ key, beforeDigest, afterDigest, fields }) => ({
          ...{ key, fields },
          before: hex(beforeDigest) || null,
          after: hex(afterDigest) || null,
        })),
      })),
    },
    text: (style) => rows.map((row) => rowText(row, nowMs, style)).join('\n') || 'nothing was done yet',
  };
}

type Row = Awaited<ReturnType<Session['config']['listAudit']>>['rows'][number];

function rowText(
  { revision, atMs, author, reason, changes, changeCount, hash }: Row,
  nowMs: number,
  style: Style,
): string {
  const why = reason === '' ? '' : ` · ${reason}`;
  const head = `${style.strong(String(revision))}  ${formatSince(atMs, nowMs)} by ${author}${why}  ${style.faint(hex(hash).slice(0, 12))}`;
  const lines = changes
    .slice(0, 5)
    .flatMap(({ key, fields }) => [
      `  ${key}`,
      ...fields
        .slice(0, 5)
        .map(({ path, before, after }) => `    ${path}: ${shorten(before, 50) || '–'} → ${shorten(after, 50) || '–'}`),
    ]);
  return [head, ...lines, ...(changeCount > 5 ? [`  … ${changeCount - 5} more`] : [])].join('\n');
}

async function verifyAudit(session: Session, { options }: Invocation<LogOptions>): Promise<Report> {
  const answer = await session.config.verifyAudit({ set: logOf(session, options) }, { timeoutMs: verifyTimeoutMs });
  const { rows, entityVersions, firstBrokenRevision = null, problem, lastHash } = answer;
  const isIntact = firstBrokenRevision === null;
  return {
    document: {
      isIntact,
      rows,
      entityVersions,
      firstBrokenRevision,
      problem: problem || null,
      lastHash: hex(lastHash),
    },
    text: (style) =>
      isIntact
        ? `${style.good('intact')}  ${rows} rows, ${entityVersions} entity versions; last hash ${hex(lastHash)}`
        : `${style.bad('broken')}  ${problem}`,
    exitCode: isIntact ? exitCodes.ok : exitCodes.conflict,
  };
}
