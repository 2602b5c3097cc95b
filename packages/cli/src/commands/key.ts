import { ArchiveState, KeyClass, type KeyGrant, type KeySummary, keyClassToJSON } from '@sluice/proto';
import { type Command, Option } from 'commander';
import type { Host, Invocation } from '../host.js';
import { readPages } from '../pages.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatTable } from '../table.js';
import { enumWord, formatSince, isoTime } from '../words.js';
import { addExpectedVersion } from '../write-options.js';

interface CreateOptions {
  readonly class: 'server' | 'client' | 'console';
  readonly label?: string;
  readonly write?: boolean;
  readonly reuse?: boolean;
  readonly everyEnvironment?: boolean;
}

interface ListOptions {
  readonly label?: string;
  readonly archived?: boolean;
  readonly all?: boolean;
}

export function addKey(parent: Command, host: Host): void {
  const group = parent.command('key').description('make, list, rename and revoke SDK keys');
  group
    .command('create')
    .description('make an SDK key for the project and environment; its secret is shown this once')
    .addOption(
      new Option('--class <class>', 'who will hold it').choices(['server', 'client', 'console']).default('server'),
    )
    .option('--label <text>', 'what it is for')
    .option('--write', 'it may change rulesets (console keys)')
    .option('--reuse', 'make none when one of this scope, class and label exists')
    .option('--every-environment', 'for all environments of the project')
    .addHelpText(
      'after',
      '\nJSON: {secret, digest, class, project, environment, canWrite, label}; secret is null for a reused key',
    )
    .action(host.onMesh<CreateOptions>(createKey));
  group
    .command('list')
    .description('list SDK keys, without their secrets')
    .addHelpText(
      'after',
      '\nJSON: {keys: [{digest, class, project, environment, canWrite, label, createdAt, isRevoked}]}',
    )
    .option('--label <text>', 'only those whose label contains this')
    .option('--archived', 'only revoked ones')
    .option('--all', 'revoked ones, too')
    .action(host.onMesh<ListOptions>(listKeys));
  addKeyLifecycle(group, host);
}

const classes = { server: KeyClass.SERVER, client: KeyClass.CLIENT, console: KeyClass.CONSOLE } as const;

async function createKey(session: Session, { options }: Invocation<CreateOptions>): Promise<Report> {
  const grant: KeyGrant = {
    keyClass: classes[options.class],
    project: session.context.project ?? '',
    environment: options.everyEnvironment ? '' : (session.context.environment ?? ''),
    canWrite: options.write === true,
    label: options.label ?? '',
  };
  const { secret, digest } = await session.config.createKey({ grant, isReused: options.reuse === true }, session.call);
  return {
    document: { secret: secret === '' ? null : secret, digest, ...grantDocument(grant) },
    text: (style) => {
      if (secret === '') return `a key of that scope, class and label exists: ${digest.slice(0, 12)}…`;
      return `${style.strong(secret)}\n${style.faint(`${options.class} key for ${scopeOf(grant)}; it is not shown again`)}`;
    },
  };
}

async function listKeys(
  session: Session,
  { options: { label: labelContains = '', archived, all } }: Invocation<ListOptions>,
): Promise<Report> {
  const project = session.context.project ?? '';
  const archiveState = all ? ArchiveState.ANY : archived ? ArchiveState.ARCHIVED : ArchiveState.LIVE;
  const wanted = { project, environment: '', labelContains, archiveState, pageSize: 1_000 };
  const pages = await readPages((pageToken) => session.config.listKeys({ ...wanted, pageToken }, session.call));
  const keys = pages.flatMap((page) => page.keys);
  const nowMs = Date.now();
  return {
    document: {
      keys: keys.map(({ digest, grant, createdAtMs, isArchived }) => ({
        digest,
        ...(grant ? grantDocument(grant) : {}),
        createdAt: isoTime(createdAtMs),
        isRevoked: isArchived,
      })),
    },
    text: (style) => {
      if (keys.length === 0) return labelContains ? 'no such keys' : 'no keys; `sluice key create` makes one';
      const titles = ['DIGEST', 'CLASS', 'SCOPE', 'MAY', 'LABEL', 'CREATED'];
      return formatTable(
        titles.map((title) => ({ title })),
        keys.map((key) => rowOf(key, nowMs)),
        style,
      );
    },
  };
}

interface RenameOptions {
  readonly label: string;
  readonly reason?: string;
  readonly expectedVersion?: number;
}

/** `rename`, `revoke` and `restore`, each by the beginning of the key's digest. */
function addKeyLifecycle(group: Command, host: Host): void {
  const one = (verb: string, about: string): Command =>
    group
      .command(verb)
      .description(about)
      .argument('<digest>', 'its digest, or the first 8 or more digits of it')
      .option('--reason <text>', 'why, for the audit log')
      .addHelpText('after', '\nJSON: {digest, class, project, environment, canWrite, label, version, isRevoked}');
  const whole = (text: string): string => text.replace(/…$/, '');
  one('show', 'what a key allows').action(
    host.onMesh(async (session, { args: [digest = ''] }) =>
      keyReport((await session.config.getKey({ digest: whole(digest) }, session.call)).key),
    ),
  );
  addExpectedVersion(one('rename', 'give a key another label'))
    .requiredOption('--label <text>', 'what it is for')
    .action(
      host.onMesh<RenameOptions>(async (session, { args: [digest = ''], options }) => {
        const { label, reason = '', expectedVersion } = options;
        const request = { digest: whole(digest), label, reason, expectedVersion };
        return keyReport((await session.config.updateKey(request, session.call)).key);
      }),
    );
  for (const [verb, isRevoked, about] of [
    ['revoke', true, 'lock a key out at once, everywhere'],
    ['restore', false, 'let a revoked key in again'],
  ] as const) {
    one(verb, about).action(
      host.onMesh<{ reason?: string }>(async ({ config, call }, { args: [digest = ''], options: { reason = '' } }) => {
        const request = { digest: whole(digest), reason };
        return keyReport((await (isRevoked ? config.archiveKey(request, call) : config.restoreKey(request, call))).key);
      }),
    );
  }
}

function keyReport(key: KeySummary | undefined): Report {
  const { digest = '', grant, version = 0, isArchived = false } = key ?? {};
  return {
    document: { digest, ...(grant ? grantDocument(grant) : {}), version, isRevoked: isArchived },
    text: (style) => {
      const state = isArchived ? style.bad('revoked') : style.good('valid');
      const about = grant ? `${classWord(grant)} key for ${scopeOf(grant)}` : '';
      return `${style.strong(`${digest.slice(0, 12)}…`)}  ${state} · ${about} · ${grant?.label || 'no label'} · version ${version}`;
    },
  };
}

function rowOf({ digest, grant, createdAtMs, isArchived }: KeySummary, nowMs: number): string[] {
  const scope = grant ? scopeOf(grant) : '';
  const may = isArchived ? 'nothing: revoked' : grant?.canWrite ? 'read, write' : 'read';
  return [
    `${digest.slice(0, 12)}…`,
    grant ? classWord(grant) : '',
    scope,
    may,
    grant?.label ?? '',
    formatSince(createdAtMs, nowMs),
  ];
}

function classWord({ keyClass }: KeyGrant): string {
  return enumWord('KEY_CLASS', keyClassToJSON(keyClass)).toLowerCase();
}

function scopeOf({ project, environment }: KeyGrant): string {
  return project === '' ? 'everything' : `${project}/${environment === '' ? '*' : environment}`;
}

function grantDocument(grant: KeyGrant): Record<string, unknown> {
  const { project, environment, canWrite, label } = grant;
  return {
    class: classWord(grant),
    project: project === '' ? null : project,
    environment: environment === '' ? null : environment,
    canWrite,
    label,
  };
}
