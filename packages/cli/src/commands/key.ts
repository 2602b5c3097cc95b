import { KeyClass, type KeyGrant, type KeySummary, keyClassToJSON } from '@sluice/proto';
import { type Command, Option } from 'commander';
import type { Host, Invocation } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatTable } from '../table.js';
import { enumWord, formatSince, isoTime } from '../words.js';

interface CreateOptions {
  readonly class: 'server' | 'client' | 'console';
  readonly label?: string;
  readonly write?: boolean;
  readonly reuse?: boolean;
  readonly everyEnvironment?: boolean;
}

export function addKey(parent: Command, host: Host): void {
  const group = parent.command('key').description('make and list SDK keys');
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
    .addHelpText('after', '\nJSON: {keys: [{digest, class, project, environment, canWrite, label, createdAt}]}')
    .action(host.onMesh(listKeys));
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

async function listKeys(session: Session): Promise<Report> {
  const { keys } = await session.config.listKeys(
    {
      project: session.context.project ?? '',
      pageSize: 0,
      pageToken: '',
      labelContains: '',
      archiveState: 0,
      environment: '',
    },
    session.call,
  );
  const nowMs = Date.now();
  return {
    document: {
      keys: keys.map(({ digest, grant, createdAtMs }) => ({
        digest,
        ...(grant ? grantDocument(grant) : {}),
        createdAt: isoTime(createdAtMs),
      })),
    },
    text: (style) => {
      if (keys.length === 0) return 'no keys; `sluice key create` makes one';
      const titles = ['DIGEST', 'CLASS', 'SCOPE', 'MAY', 'LABEL', 'CREATED'];
      return formatTable(
        titles.map((title) => ({ title })),
        keys.map((key) => rowOf(key, nowMs)),
        style,
      );
    },
  };
}

function rowOf({ digest, grant, createdAtMs }: KeySummary, nowMs: number): string[] {
  const scope = grant ? scopeOf(grant) : '';
  const may = grant?.canWrite ? 'read, write' : 'read';
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
