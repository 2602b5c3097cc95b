import { ArchiveState, type EntitySummary, type Section } from '@sluice/proto';
import { readPages } from './pages.js';
import type { Report } from './report.js';
import type { Session } from './session.js';
import type { Style } from './style.js';
import { type Column, formatTable } from './table.js';
import { formatSince, isoTime } from './words.js';

/** What a listing command shows. */
export interface ListingKind {
  /** Plural, as the command and the JSON field are called. */
  readonly plural: string;
  readonly section: Section;
  /** Which entities of the section. */
  readonly entities: readonly string[];
  /** The percentage of the last rule says how far they are rolled out. */
  readonly isRolledOut?: boolean;
}

const pageSize = 1000;

/** Every entity of a kind whose name contains a text. */
export async function listEntities(
  session: Session,
  kind: ListingKind,
  nameContains: string,
  archiveState: ArchiveState = ArchiveState.LIVE,
): Promise<{ revision: number; entities: EntitySummary[] }> {
  // The server takes one kind; of two it sends the whole section.
  const [entity = ''] = kind.entities.length === 1 ? kind.entities : [];
  const wanted = { set: session.set, sections: [kind.section], nameContains, pageSize, archiveState, entity };
  const pages = await readPages((pageToken) => session.config.listEntities({ ...wanted, pageToken }, session.call));
  const entities = pages.flatMap((page) => page.entities).filter((one) => kind.entities.includes(one.entity));
  return { revision: pages.at(-1)?.revision ?? 0, entities };
}

export function listingReport(
  session: Session,
  kind: ListingKind,
  { revision, entities }: { revision: number; entities: readonly EntitySummary[] },
  nowMs: number,
): Report {
  const { project = null, environment = null } = session.context;
  return {
    document: { project, environment, revision, [kind.plural]: entities.map(documentOf) },
    text: (style) => {
      if (entities.length === 0)
        return `no ${kind.plural} in ${project ?? '?'}/${environment ?? '?'} at revision ${revision}`;
      const rows = entities.map((entity) => rowOf(kind, entity, nowMs, style));
      const table = formatTable(columnsOf(kind), rows, style);
      return `${table}\n\n${style.faint(`${project ?? ''}/${environment ?? ''} at revision ${revision}`)}`;
    },
  };
}

function columnsOf({ isRolledOut }: ListingKind): Column[] {
  return [
    { title: 'NAME' },
    { title: 'KIND' },
    { title: 'STATE' },
    ...(isRolledOut ? [{ title: 'ROLLOUT', align: 'right' as const }] : []),
    { title: 'RULES', align: 'right' },
    { title: 'VERSION', align: 'right' },
    { title: 'LAST CHANGE' },
  ];
}

function rowOf({ isRolledOut }: ListingKind, entity: EntitySummary, nowMs: number, style: Style): string[] {
  const { rolloutPercentage: rollout } = entity;
  const by = entity.changedBy === '' ? '' : ` by ${entity.changedBy}`;
  return [
    style.strong(entity.ref?.name ?? ''),
    entity.entity,
    entity.isArchived ? style.warn('archived') : entity.isEnabled ? style.good('on') : style.faint('off'),
    ...(isRolledOut ? [rollout === undefined ? '' : `${rollout} %`] : []),
    String(entity.ruleCount),
    String(entity.version),
    `${formatSince(entity.changedAtMs, nowMs)}${by}, revision ${entity.changedInRevision}`,
  ];
}

function documentOf(entity: EntitySummary): Record<string, unknown> {
  return {
    name: entity.ref?.name ?? '',
    entity: entity.entity,
    isEnabled: entity.isEnabled,
    ruleCount: entity.ruleCount,
    rolloutPercentage: entity.rolloutPercentage ?? null,
    version: entity.version,
    changedInRevision: entity.changedInRevision,
    changedAt: isoTime(entity.changedAtMs),
    changedBy: entity.changedBy,
    isArchived: entity.isArchived,
  };
}

export const listingJsonHelp = (plural: string): string =>
  `JSON: {project, environment, revision, ${plural}: [{name, entity, isEnabled, ruleCount,
       rolloutPercentage, version, changedInRevision, changedAt, changedBy, isArchived}]}`;
