import { invalid, notFound } from '@sluice/mesh';
import { ArchiveState, type EntityRef } from '@sluice/proto';
import { kinds, parseRef, spellRef } from './kinds.js';
import type { Session } from './session.js';

const sections = [...new Set(kinds.map(({ section }) => section))];
const namesMax = 1_000;

/**
 * The entity that somebody means: `gate/checkout`, or its name alone where only one is called so, archived or not.
 * @throws SluiceError `not_found`, or `invalid` for a name of several and for a kind that there is not.
 */
export async function findRef(session: Session, field: string, text: string): Promise<EntityRef> {
  if (text === '' || text.includes('/')) return parseRef(field, text);
  const request = { set: session.set, sections, nameContains: text, archiveState: ArchiveState.ANY, entity: '' };
  const page = { pageSize: namesMax, pageToken: '' };
  const { entities } = await session.config.listEntities({ ...request, ...page }, session.call);
  const found = entities.flatMap(({ ref }) => (ref !== undefined && isCalled(ref, text) ? [ref] : []));
  const [only] = found;
  if (only === undefined) throw notFound(field, `nothing is called ${text}; \`sluice gates\` and the like list names`);
  if (found.length === 1) return only;
  throw invalid(field, `several are called ${text}; say which: ${found.map(spellRef).join(', ')}`);
}

/** Segments are stored with a prefix. */
function isCalled({ section, name }: EntityRef, text: string): boolean {
  return name === text || kinds.some((kind) => kind.section === section && name === `${kind.prefix}${text}`);
}
