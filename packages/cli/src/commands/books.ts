import { setTimeout as delay } from 'node:timers/promises';
import type { GetBooksResponse, InstanceBooks, RegionBooks, SourceBooks } from '@sluice/proto';
import { type Command, Option } from 'commander';
import { durationFor } from '../duration.js';
import { type ExitCode, exitCodes } from '../exit-code.js';
import type { Host, Invocation } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { parseSince } from '../since.js';
import type { Style } from '../style.js';
import { formatFields, formatTable } from '../table.js';
import { formatSince, isoTime } from '../words.js';

interface BooksOptions {
  readonly region?: string;
  readonly source?: string;
  readonly since?: string;
  readonly everything?: boolean;
  /** How long it may take, in milliseconds. */
  readonly recount?: number;
  /** Milliseconds. */
  readonly wait?: number;
}

const lookEveryMs = 500;

export function addBooks(parent: Command, host: Host): void {
  parent
    .command('books')
    .description('where every event is, at its source, in each region and in the store; fails when they do not balance')
    .option('--region <name>', 'only what ingestion of this region took in')
    .option('--source <id>', 'only this source: one client from its start to its end')
    .option('--since <time>', 'only what came since then: 24h, 7d, or 2026-11-23T10:00:00Z')
    .option('--everything', 'all sets, rather than one')
    .addOption(
      new Option('--recount [time]', 'count the rows of the store, too, and compare; for 5m at most, unless said')
        .preset('5m')
        .argParser(durationFor('--recount')),
    )
    .option('--wait <time>', 'wait so long for what is on its way, such as 30s', durationFor('--wait'))
    .addHelpText('after', `\n${help}`)
    .action(host.onMesh<BooksOptions>(showBooks));
}

const help = `A source:  generated = accepted + duplicate + rejected + dropped + in spool + in flight
A region:  received = accepted + duplicate + rejected + dropped + unverified + in flight
The store: taken = stored + duplicate + buried
Exit codes: 0 when the books balance; 5 when something does not; 6 when events were still on their way at the end of
--wait. Without --wait, sums that need rest are left unchecked while events are on their way.
Books of one set have no side of ingestion: its instances serve every set.
JSON: {isBalanced, isMoving, problems, store: {taken, stored, duplicate, buried, messages, messagesBuried,
       messagesPending, deadLetters, recounted}, regions: [{region, received, accepted, duplicate, rejected,
       dropped, unverified, inFlight, appended, spooled, abandoned, taken, stored, known, buried}], instances: [{region, instance, taken, stored, duplicate,
       buried, counters, reportedAt}], sources: [{sourceId, project, environment, region, generated, accepted,
       duplicate, rejected, dropped, inSpool, inFlight, sequenced, isClosed, arrived, missing, gaps, answered:
       {accepted, duplicate, rejected}, lastSeenAt}]}
      answered is what ingestion told the source; the rest of a source is what it says of itself.`;

async function showBooks(session: Session, { options }: Invocation<BooksOptions>): Promise<Report> {
  const nowMs = Date.now();
  const request = {
    set: options.everything ? undefined : session.set,
    region: options.region ?? '',
    sourceId: options.source ?? '',
    sinceMs: options.since === undefined ? 0 : parseSince('--since', options.since, nowMs),
    isRecounted: options.recount !== undefined,
  };
  const untilMs = performance.now() + (options.wait ?? 0);
  // Rows are counted twice at most: a second look makes sure of what the first found wrong.
  const call = { timeoutMs: Math.max(session.timeoutMs, 2 * (options.recount ?? 0)) };
  let books = await session.ledger.getBooks(request, call);
  while (books.isMoving && performance.now() < untilMs) {
    await delay(lookEveryMs);
    books = await session.ledger.getBooks(request, call);
  }
  return {
    document: documentOf(books),
    text: (style) => textOf(books, viewOf(options, request.set), nowMs, style),
    exitCode: codeOf(books, options.wait !== undefined),
  };
}

function codeOf({ problems, isMoving }: GetBooksResponse, hasWaited: boolean): ExitCode {
  if (problems.length > 0) return exitCodes.conflict;
  return hasWaited && isMoving ? exitCodes.unavailable : exitCodes.ok;
}

function documentOf({
  store,
  regions,
  instances,
  sources,
  problems,
  isMoving,
}: GetBooksResponse): Record<string, unknown> {
  return {
    isBalanced: problems.length === 0,
    isMoving,
    problems,
    store: store && { ...store, recounted: store.recounted ?? null },
    regions,
    instances: instances.map(({ reportedAtMs, ...instance }) => ({ ...instance, reportedAt: isoTime(reportedAtMs) })),
    sources: sources.map(sourceDocument),
  };
}

function sourceDocument(source: SourceBooks): Record<string, unknown> {
  const { sourceId, set, region, report, arrived, missing, gaps } = source;
  return {
    ...{ sourceId, project: set?.project ?? null, environment: set?.environment ?? null, region },
    ...{ generated: report?.generated ?? null, accepted: report?.accepted ?? null },
    ...{ duplicate: report?.duplicate ?? null, rejected: report?.rejected ?? {}, dropped: report?.dropped ?? {} },
    ...{ inSpool: report?.spooled ?? null, inFlight: report?.inFlight ?? null, sequenced: report?.sequenced ?? null },
    ...{ isClosed: report?.isClosed ?? false, arrived, missing, gaps },
    answered: { accepted: source.accepted, duplicate: source.duplicate, rejected: source.rejected },
    lastSeenAt: isoTime(source.lastSeenAtMs),
  };
}

/** What is shown. */
interface View {
  readonly isOneSource: boolean;
  readonly isEverything: boolean;
}

const viewOf = ({ source }: BooksOptions, set: unknown): View => ({
  isOneSource: source !== undefined,
  isEverything: set === undefined,
});

function textOf(books: GetBooksResponse, { isOneSource, isEverything }: View, nowMs: number, style: Style): string {
  const { store, regions, instances, sources, problems, isMoving } = books;
  const parts: string[] = [];
  if (store && !isOneSource) parts.push(storeText(store, isEverything, style));
  if (regions.length > 0 && !isOneSource) parts.push(regionsText(regions, isEverything, style));
  if (instances.length > 0 && !isOneSource) parts.push(instancesTable(instances, style));
  if (sources.length > 0) parts.push(sourcesTable(sources, nowMs, style));
  if (isOneSource) parts.push(...sources.map((source) => sourceText(source, style)));
  parts.push(verdict(problems, isMoving, style));
  return parts.join('\n\n');
}

function verdict(problems: readonly string[], isMoving: boolean, style: Style): string {
  if (problems.length > 0) return problems.map((problem) => style.bad(`does not balance: ${problem}`)).join('\n');
  if (!isMoving) return style.good('the books balance');
  return `${style.good('the books balance as far as they go')}${style.faint('; events are on their way, look again, or --wait longer')}`;
}

function storeText(store: NonNullable<GetBooksResponse['store']>, isEverything: boolean, style: Style): string {
  const fields: [string, string][] = [
    ['taken', `${store.taken} events in ${store.messages} messages`],
    [
      'stored',
      store.recounted === undefined ? String(store.stored) : `${store.stored}, ${store.recounted} rows counted`,
    ],
    ['duplicate', String(store.duplicate)],
    ['buried', `${store.buried} events, ${store.messagesBuried} unreadable messages`],
    [
      'dead letters',
      store.deadLetters === 0 ? '0' : style.warn(`${store.deadLetters} wait: \`sluice deadletters list\``),
    ],
    ...(isEverything ? [['in the log', `${store.messagesPending} messages`] as [string, string]] : []),
  ];
  return `${style.strong('store')}\n${formatFields(fields, style)}`;
}

const left = (title: string) => ({ title });
const right = (title: string) => ({ title, align: 'right' as const });

/** What ingestion itself counted is told in books of everything only: it does not tell sets apart. */
function regionsText(regions: readonly RegionBooks[], isEverything: boolean, style: Style): string {
  const ingestion = ['RECEIVED', 'ACCEPTED', 'DUPLICATE', 'REJECTED', 'DROPPED', 'UNVERIFIED', 'IN FLIGHT', 'IN SPOOL'];
  const columns = [
    left('REGION'),
    ...[...(isEverything ? ingestion : []), 'TAKEN', 'STORED', 'KNOWN', 'BURIED'].map(right),
  ];
  const rows = regions.map((books) => [
    style.strong(books.region),
    ...(isEverything ? ingestionOf(books) : []).map(String),
    ...[books.taken, books.stored, books.known, books.buried].map(String),
  ]);
  const reasons = regions.flatMap(({ region, rejected, dropped }) => [
    ...reasonsOf('rejected', rejected).map(([name, count]) => `${region}  ${name} ${count}`),
    ...reasonsOf('dropped', dropped).map(([name, count]) => `${region}  ${name} ${count}`),
  ]);
  return [formatTable(columns, rows, style), ...reasons].join('\n');
}

const ingestionOf = ({ received, accepted, duplicate, rejected, dropped, ...rest }: RegionBooks): number[] => [
  ...[received, accepted, duplicate, total(rejected), total(dropped)],
  ...[rest.unverified, rest.inFlight, rest.spooled],
];

/** The larger first: `rejected{name}` with its count. */
function reasonsOf(what: string, counts: Readonly<Record<string, number>>): [string, string][] {
  const sorted = Object.entries(counts).sort(([, one], [, other]) => other - one);
  return sorted.map(([reason, count]) => [`${what}{${reason}}`, String(count)]);
}

function instancesTable(instances: readonly InstanceBooks[], style: Style): string {
  const columns = [left('REGION'), left('INSTANCE'), ...['TAKEN', 'STORED', 'DUPLICATE', 'BURIED'].map(right)];
  const rows = instances.map(({ region, instance, taken, stored, duplicate, buried }) => [
    region,
    style.strong(instance),
    ...[taken, stored, duplicate, buried].map(String),
  ]);
  return formatTable(columns, rows, style);
}

function sourcesTable(sources: readonly SourceBooks[], nowMs: number, style: Style): string {
  const numbers = [
    'GENERATED',
    'ACCEPTED',
    'DUPLICATE',
    'REJECTED',
    'DROPPED',
    'IN SPOOL',
    'IN FLIGHT',
    'ARRIVED',
    'MISSING',
  ];
  const columns = [left('SOURCE'), left('REGION'), ...numbers.map(right), left('SEEN')];
  const rows = sources.map((source) => {
    const { report, missing } = source;
    const told = report
      ? [
          ...[report.generated, report.accepted, report.duplicate, total(report.rejected), total(report.dropped)],
          ...[report.spooled, report.inFlight],
        ].map(String)
      : Array<string>(7).fill('');
    return [
      style.strong(source.sourceId),
      source.region,
      ...told,
      String(source.arrived),
      missing === 0 ? '0' : style.warn(String(missing)),
      formatSince(source.lastSeenAtMs, nowMs),
    ];
  });
  return formatTable(columns, rows, style);
}

/** What the table has no room for. */
function sourceText({ report, rejected, gaps, accepted, duplicate }: SourceBooks, style: Style): string {
  const fields: [string, string][] = [
    ['answered', `${accepted} accepted, ${duplicate} duplicate, ${total(rejected)} rejected`],
    ...reasonsOf('rejected', report?.rejected ?? {}),
    ...reasonsOf('dropped', report?.dropped ?? {}),
    ['never came', gaps.length === 0 ? 'nothing' : gaps.join(', ')],
    ['state', report?.isClosed ? 'ended' : 'lives, or ended without a word'],
  ];
  return formatFields(fields, style);
}

const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);
