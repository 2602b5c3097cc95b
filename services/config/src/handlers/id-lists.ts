import { IdListBuilder, IdListFullError, idListMax } from '@sluice/codec';
import { idListKey } from '@sluice/engine';
import { type Call, invalid, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type { Transaction } from '@sluice/postgres';
import {
  type DescribeIdListRequest,
  type DescribeIdListResponse,
  type IdListHeader,
  Section,
  type SetRef,
  type UploadIdListRequest,
  type UploadIdListResponse,
} from '@sluice/proto';
import type { Context } from '../context.js';
import type { Head } from '../head.js';
import { checkReason } from '../names.js';
import { changeOf, checkHeader, planIdList, requireIdList } from '../plan-id-list.js';
import { type Expectation, refuseClash } from '../refuse-clash.js';
import { refuseNul } from '../refuse-nul.js';
import { refuseArchived } from '../writer.js';
import { readHead } from './entities.js';

const longestId = 1_000;
const chunkMax = 100_000;
/** Ids that are hashed before others get their turn: about 10 ms. */
const sliceLength = 5_000;
const describedMax = 1_000;
const keyLength = 8;

export async function handleUploadIdList(
  context: Context,
  requests: AsyncIterable<UploadIdListRequest>,
  { principal }: Call,
): Promise<UploadIdListResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const parts = partsOf(requests);
  const header = await readHeader(parts);
  const set = requireSet(principal, header.set);
  await checkUpload(context, set, header);
  const giveBack = context.uploads.take(set.project);
  try {
    return await store(context, set, principal.label, header, await readIds(parts));
  } finally {
    giveBack();
  }
}

type Part = UploadIdListRequest['part'];

async function* partsOf(requests: AsyncIterable<UploadIdListRequest>): AsyncGenerator<Part> {
  for await (const { part } of requests) if (part) yield part;
}

async function readHeader(parts: AsyncIterator<Part>): Promise<IdListHeader> {
  const { value: first } = await parts.next();
  if (first?.$case !== 'header') throw invalid('header', 'is missing; send it before the ids');
  const { header } = refuseNul({ header: first.value });
  checkReason(header.reason);
  changeOf(header);
  return header;
}

/** Nobody has to send a million ids to hear that they may not. */
async function checkUpload({ db, heads }: Context, set: SetRef, header: IdListHeader): Promise<void> {
  const head = await readHead({ db, heads }, set);
  await refuseArchived(db, set);
  await refuseClash(db, set, head, [expectationOf(header)]);
  checkHeader(head, header);
}

function expectationOf({ name, expectedVersion }: IdListHeader): Expectation {
  return { ref: { section: Section.ID_LIST, name }, expectedVersion, field: 'header.expected_version' };
}

/** Takes the ids up as they come. @throws SluiceError `invalid` as soon as something is wrong. */
async function readIds(parts: AsyncIterable<Part>): Promise<Float64Array> {
  const builder = new IdListBuilder();
  let count = 0;
  for await (const part of parts) {
    if (part?.$case !== 'chunk') throw invalid('header', 'came twice; send it once, before the ids');
    await takeUp(builder, part.value.unitIds, count);
    count += part.value.unitIds.length;
  }
  return bounded(() => builder.finish());
}

async function takeUp(builder: IdListBuilder, ids: readonly string[], before: number): Promise<void> {
  if (ids.length > chunkMax) throw invalid('chunk.unit_ids', `are ${ids.length}; send at most ${chunkMax} in a chunk`);
  for (let start = 0; start < ids.length; start += sliceLength) {
    bounded(() => {
      ids.slice(start, start + sliceLength).forEach((id, index) => {
        checkId(`chunk.unit_ids[${before + start + index}]`, id);
        builder.add(id);
      });
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function checkId(field: string, id: string): void {
  if (id === '') throw invalid(field, 'is empty; leave it out');
  if (id.length > longestId) throw invalid(field, `has ${id.length} characters; an id has at most ${longestId}`);
}

function bounded<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof IdListFullError) throw invalid('chunk.unit_ids', error.message);
    throw error;
  }
}

async function store(
  { writer }: Context,
  set: SetRef,
  author: string,
  header: IdListHeader,
  keys: Float64Array,
): Promise<UploadIdListResponse> {
  const { name, reason } = header;
  let outcome = { size: 0, added: 0, removed: 0 };
  const { head } = await writer.write({
    ...{ set, author, reason },
    plan: async (current: Head, tx: Transaction) => {
      await refuseClash(tx, set, current, [expectationOf(header)]);
      const { plan, size, added, removed } = planIdList(current, header, keys);
      outcome = { size, added, removed };
      return plan;
    },
  });
  const { held } = requireIdList(head, name);
  return { revision: head.revision, ...outcome, version: held.entity.version, committedAtMs: head.committedAtMs };
}

export async function handleDescribeIdList(
  context: Context,
  { set: asked, name, unitIds }: DescribeIdListRequest,
  { principal }: Call,
): Promise<DescribeIdListResponse> {
  requireKind(principal, 'console', 'server');
  if (unitIds.length > describedMax) {
    throw invalid('unit_ids', `are ${unitIds.length}; ask for at most ${describedMax} at once`);
  }
  const head = await readHead(context, requireSet(principal, asked));
  const { held, list } = requireIdList(head, name);
  const found = keysHeld(list.keys, new Set(unitIds.map(idListKey)));
  return {
    size: Math.min(list.keys.length / keyLength, idListMax),
    idType: list.idType,
    heldUnitIds: unitIds.filter((id) => found.has(idListKey(id))),
    version: held.entity.version,
    revision: head.revision,
    description: held.entity.description ?? '',
  };
}

/** Those of some keys that a list holds: one pass, because a table of the whole list costs more. */
function keysHeld(keys: string, wanted: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  if (wanted.size === 0) return found;
  for (let start = 0; start < keys.length; start += keyLength) {
    const key = keys.slice(start, start + keyLength);
    if (wanted.has(key)) found.add(key);
  }
  return found;
}
