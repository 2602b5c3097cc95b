import {
  entityKey,
  type IdListChange,
  IdListFullError,
  IdListKeysError,
  mergeIds,
  packKeys,
  unpackKeys,
} from '@sluice/codec';
import { invalid, notFound, preconditionFailed } from '@sluice/mesh';
import { type Entity, type IdList, type IdListHeader, IdListMode, Section } from '@sluice/proto';
import type { Head, Held, Plan } from './head.js';
import { checkIdType, longestName } from './names.js';
import { missingEntity } from './plan-archive.js';

const changes = new Map<IdListMode, IdListChange>([
  [IdListMode.REPLACE, 'replace'],
  [IdListMode.ADD, 'add'],
  [IdListMode.REMOVE, 'remove'],
]);

/** What the header of an upload asks for. @throws SluiceError `invalid`. */
export function changeOf({ mode, name, idType }: IdListHeader): IdListChange {
  const change = changes.get(mode);
  if (!change) throw invalid('header.mode', 'is not set; choose REPLACE, ADD or REMOVE');
  if (name === '') throw invalid('header.name', 'is empty; name the list');
  if (name.length > longestName) {
    throw invalid('header.name', `has ${name.length} characters; the limit is ${longestName}`);
  }
  checkIdType('header.id_type', idType);
  return change;
}

/**
 * Whether ids may come at all, before any of them does.
 * @throws SluiceError as `planIdList` does for any ids.
 */
export function checkHeader(head: Head, header: IdListHeader): void {
  readHeader(head, header);
}

function readHeader(head: Head, header: IdListHeader) {
  const { name } = header;
  const change = changeOf(header);
  const stored = head.entities.get(entityKey({ section: Section.ID_LIST, name }))?.entity;
  const list = stored?.body?.$case === 'idList' ? stored.body.value : undefined;
  if (!list && change === 'remove') {
    throw notFound('header.name', `there is no id list ${JSON.stringify(name)}, so nothing can leave it`);
  }
  return { change, stored, list, idType: idTypeOf(header, list, change) };
}

/** An id list that stands. @throws SluiceError `not_found` naming lists of a similar name. */
export function requireIdList(head: Head, name: string): { readonly held: Held; readonly list: IdList } {
  const ref = { section: Section.ID_LIST, name };
  const held = head.entities.get(entityKey(ref));
  if (held?.entity.body?.$case !== 'idList') throw missingEntity(head, ref);
  return { held, list: held.entity.body.value };
}

/** A list with the ids of an upload, and what the upload did to it. */
export interface IdListPlan {
  readonly plan: Plan;
  readonly size: number;
  readonly added: number;
  readonly removed: number;
}

/**
 * Puts uploaded ids into a list, or takes them out.
 * @param given - sorted keys, each once.
 * @throws SluiceError `invalid` for too many ids or another id type, `not_found` when ids are
 * to be taken out of nothing.
 */
export function planIdList(head: Head, header: IdListHeader, given: Float64Array): IdListPlan {
  const { change, stored, list, idType } = readHeader(head, header);
  const { keys, added, removed } = merge(list, given, change);
  const value = { keys: packKeys(keys), idType };
  const entity: Entity = { name: header.name, version: 0, ...stored, body: { $case: 'idList', value } };
  return { plan: { upserts: [entity], deletions: [] }, size: keys.length, added, removed };
}

function idTypeOf({ idType, name }: IdListHeader, list: IdList | undefined, change: IdListChange): string {
  if (!list) return idType || 'userID';
  if (idType === '' || idType === list.idType || change === 'replace') return idType || list.idType;
  const message = `is ${idType}, but ${name} holds ids of ${list.idType}; leave it out, or replace the whole list`;
  throw invalid('header.id_type', message);
}

function merge(list: IdList | undefined, given: Float64Array, change: IdListChange) {
  try {
    // What is replaced need not be readable.
    return mergeIds(list ? heldKeys(list, change) : new Float64Array(), given, change);
  } catch (error) {
    if (error instanceof IdListFullError) throw invalid('chunk.unit_ids', error.message);
    if (error instanceof IdListKeysError) {
      throw preconditionFailed('header.name', `the stored list ${error.message}; replace it as a whole`);
    }
    throw error;
  }
}

function heldKeys({ keys }: IdList, change: IdListChange): Float64Array {
  try {
    return unpackKeys(keys);
  } catch (error) {
    if (error instanceof IdListKeysError && change === 'replace') return new Float64Array();
    throw error;
  }
}
