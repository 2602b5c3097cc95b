import { ArchiveState, type Environment, type Project } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatFields, formatTable } from '../table.js';
import { formatSince, isoTime } from '../words.js';
import { addExpectedVersion } from '../write-options.js';

interface Options {
  readonly name?: string;
  readonly archived?: boolean;
  readonly all?: boolean;
  readonly description?: string;
  readonly expectedVersion?: number;
  readonly reason?: string;
}

/** What projects and environments have in common, for people. */
interface Place {
  readonly key: string;
  readonly description: string;
  readonly version: number;
  readonly isArchived: boolean;
  /** Unix milliseconds; 0 for never. */
  readonly changedAtMs: number;
  readonly changedBy: string;
  readonly more: Readonly<Record<string, number>>;
}

/** A new word on what it is for. */
interface Described {
  readonly description: string;
  readonly expectedVersion: number | undefined;
  readonly reason: string;
}

/** How one of the two is asked for; `name` is what was typed. */
export interface PlaceCalls {
  readonly word: 'project' | 'environment';
  readonly list: (session: Session, archiveState: ArchiveState, nameContains: string) => Promise<Place[]>;
  readonly get: (session: Session, name: string) => Promise<Place>;
  readonly update: (session: Session, name: string, change: Described) => Promise<Place>;
  readonly archive: (session: Session, name: string, reason: string, isArchived: boolean) => Promise<Place>;
}

const json = 'key, description, version, isArchived, changedAt, changedBy, …';

/** `list`, `show`, `update`, `archive` and `restore`. */
export function addLifecycle(group: Command, host: Host, calls: PlaceCalls): void {
  const { word } = calls;
  group
    .command('list')
    .description(`list ${word}s`)
    .option('--name <text>', 'only names that contain this')
    .option('--archived', 'only archived ones')
    .option('--all', 'archived ones, too')
    .addHelpText('after', `\nJSON: {${word}s: [{${json}}]}`)
    .action(
      host.onMesh<Options>(async (session, { options: { name = '', archived, all } }) => {
        const state = all ? ArchiveState.ANY : archived ? ArchiveState.ARCHIVED : ArchiveState.LIVE;
        return listReport(word, await calls.list(session, state, name));
      }),
    );
  const one = (verb: string, about: string): Command =>
    group.command(verb).description(about).argument(`<${word}>`, 'its name').addHelpText('after', `\nJSON: {${json}}`);
  one('show', `what is known of the ${word}`).action(
    host.onMesh(async (session, { args: [name = ''] }) => placeReport(await calls.get(session, name))),
  );
  addExpectedVersion(one('update', 'say anew what it is for'))
    .requiredOption('--description <text>', 'for people')
    .option('--reason <text>', 'why, for the audit log')
    .action(
      host.onMesh<Options>(async (session, { args: [name = ''], options }) => {
        const { description = '', expectedVersion, reason = '' } = options;
        return placeReport(await calls.update(session, name, { description, expectedVersion, reason }));
      }),
    );
  for (const [verb, isArchived, about] of [
    ['archive', true, 'refuse writes from now on; evaluators keep serving it'],
    ['restore', false, 'accept writes again'],
  ] as const) {
    one(verb, about)
      .option('--reason <text>', 'why, for the audit log')
      .action(
        host.onMesh<Options>(async (session, { args: [name = ''], options }) =>
          placeReport(await calls.archive(session, name, options.reason ?? '', isArchived)),
        ),
      );
  }
}

const documentOf = ({ changedAtMs, more, ...place }: Place) => ({ ...place, changedAt: isoTime(changedAtMs), ...more });

function listReport(word: string, places: readonly Place[]): Report {
  const nowMs = Date.now();
  return {
    document: { [`${word}s`]: places.map(documentOf) },
    text: (style) => {
      if (places.length === 0) return `no ${word}s`;
      const titles = [word.toUpperCase(), 'STATE', 'DESCRIPTION', 'LAST CHANGE'].map((title) => ({ title }));
      const rows = places.map(({ key, isArchived, description, changedAtMs }) => [
        style.strong(key),
        isArchived ? style.warn('archived') : style.good('live'),
        description,
        formatSince(changedAtMs, nowMs),
      ]);
      return formatTable(titles, rows, style);
    },
  };
}

function placeReport(place: Place): Report {
  const { key, description, version, isArchived, changedAtMs, changedBy, more } = place;
  return {
    document: documentOf(place),
    text: (style) =>
      `${style.strong(key)}  ${isArchived ? style.warn('archived') : style.good('live')}\n${formatFields(
        [
          ['description', description || '–'],
          ['version', String(version)],
          ['last change', changedAtMs === 0 ? '–' : `${isoTime(changedAtMs)} by ${changedBy || '?'}`],
          ...Object.entries(more).map(([name, value]): [string, string] => [name, String(value)]),
        ],
        style,
      )}`,
  };
}

export function placeOfProject(project: Project | undefined): Place {
  const {
    name = '',
    description = '',
    version = 0,
    isArchived = false,
    changedAtMs = 0,
    changedBy = '',
  } = project ?? {};
  const more = { environments: project?.environmentCount ?? 0 };
  return { key: name, description, version, isArchived, changedAtMs, changedBy, more };
}

export function placeOfEnvironment(environment: Environment | undefined): Place {
  const { set, description = '', version = 0, isArchived = false, changedAtMs = 0, changedBy = '' } = environment ?? {};
  const key = set ? `${set.project}/${set.environment}` : '';
  return {
    key,
    description,
    version,
    isArchived,
    changedAtMs,
    changedBy,
    more: { revision: environment?.revision ?? 0 },
  };
}
