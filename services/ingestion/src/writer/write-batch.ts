/**
 * Writes a batch of messages in one transaction: their events, what those add to exposures, usage
 * and sources, and that the messages are settled. A message that comes again finds itself settled;
 * an event that comes again in another message finds its id.
 *
 * First by COPY straight into the table, which a single repeated id or refused value fails whole.
 * Then, because that is rare, with care: staged, inserted where the id is new, and what PostgreSQL
 * refuses looked for by halves and buried. Both ways write the same. What a message brings beside its
 * events may be refused, too: then each message has a transaction of its own, and the culprit is buried.
 */
import { type Database, isRetryable, isUniqueViolation, type Queryable, type Transaction } from '@sluice/postgres';
import { foldReceipts } from '../books/receipts.js';
import { foldUsage } from '../usage/usage.js';
import { copyOf } from './copy-tuples.js';
import { isDataFault, isValueFault, textOfError } from './data-fault.js';
import { encodeUnits } from './exposure-tuples.js';
import { foldCounts, foldUnits } from './exposures.js';
import type { EventRow } from './rows.js';
import * as sql from './statements.js';
import { buryEvent, buryMessage, countColumns, usageColumns } from './store.js';
import { type Taken, unreadable } from './taken.js';

/** What a batch came to. */
export interface Written {
  /** Events that are new. */
  readonly stored: number;
  /** Events whose id was there already, in this batch or before. */
  readonly duplicate: number;
  /** Exposures among the stored. */
  readonly exposures: number;
  /** Messages that were settled before: nothing of them counts again. */
  readonly repeated: number;
  /** Events and messages that became dead letters. */
  readonly buried: readonly Burial[];
  readonly way: 'copied' | 'staged';
}

export interface Burial {
  readonly sequence: number;
  /** Undefined for a whole message. */
  readonly eventId: string | undefined;
  readonly reason: string;
}

/** @throws SluiceError `unavailable` and what else may pass by itself; then nothing was written. */
export async function writeBatch(database: Database, batch: readonly Taken[]): Promise<Written> {
  if (!batch.some(({ problem, unfit }) => problem !== undefined || unfit.length > 0)) {
    try {
      return await database.transaction((tx) => copyBatch(tx, batch));
    } catch (error) {
      const needsCare = error instanceof CareError || isUniqueViolation(error) || isDataFault(error);
      if (!needsCare && !isRetryable(error)) throw error;
    }
  }
  try {
    return await database.transaction((tx) => stageBatch(tx, batch));
  } catch (error) {
    if (!isValueFault(error)) throw error;
    return writeEach(database, batch);
  }
}

/** A message that can't be written by itself is a dead letter; the others are written. */
async function writeEach(database: Database, batch: readonly Taken[]): Promise<Written> {
  const written: Written[] = [];
  for (const message of batch) {
    const stage = (one: Taken): Promise<Written> => database.transaction((tx) => stageBatch(tx, [one]));
    try {
      written.push(await stage(message));
    } catch (error) {
      if (!isValueFault(error)) throw error;
      written.push(await stage(unreadable(message, textOfError(error))));
    }
  }
  const sum = (of: (one: Written) => number): number => written.reduce((total, one) => total + of(one), 0);
  return {
    stored: sum(({ stored }) => stored),
    duplicate: sum(({ duplicate }) => duplicate),
    exposures: sum(({ exposures }) => exposures),
    repeated: sum(({ repeated }) => repeated),
    buried: written.flatMap(({ buried }) => buried),
    way: 'staged',
  };
}

/** Everything is new, or this fails. */
async function copyBatch(tx: Transaction, batch: readonly Taken[]): Promise<Written> {
  const rows = batch.flatMap(({ rows }) => rows);
  if (rows.length > 0) {
    const copied = await tx.copy(sql.copyEvents, copyOf(batch.map(({ tuples }) => tuples.all())));
    if (copied !== rows.length) throw new CareError(`of ${rows.length} rows ${copied} were copied`);
  }
  const settled = await settle(tx, batch, (message) => message.rows.length);
  // Some are settled already, though none of their ids is there: messages without events, or of a day that was dropped.
  if (settled.length < batch.length) throw new CareError('a message of the batch was settled before');
  const exposures = await addExposures(tx, rows);
  await addUsage(tx, rows);
  await addSources(tx, batch);
  return { stored: rows.length, duplicate: 0, exposures, repeated: 0, buried: [], way: 'copied' };
}

/** Not everything is new: the batch is to be written with care. */
class CareError extends Error {}

async function stageBatch(tx: Transaction, batch: readonly Taken[]): Promise<Written> {
  await tx.script(sql.makeStages);
  const fresh = await settle(tx, batch, () => 0);
  const buried: Burial[] = [];
  for (const message of fresh) buried.push(...(await buryUnfit(tx, message)));
  const items = fresh.flatMap((message) =>
    message.rows.map((row, at) => ({ row, message, tuple: message.tuples.at(at) })),
  );
  const placed = await place(tx, items);
  buried.push(...placed.buried.map(({ item, reason }) => burialOf(item.row, reason)));
  await correct(tx, fresh, placed);
  const rows = placed.stored.map(({ row }) => row);
  await addUsage(tx, rows);
  await addSources(tx, fresh);
  return {
    stored: rows.length,
    duplicate: placed.duplicate.length,
    exposures: rows.filter(({ exposure }) => exposure !== undefined).length,
    repeated: batch.length - fresh.length,
    buried,
    way: 'staged',
  };
}

/** Notes that messages are settled. @returns those that were not. */
async function settle(tx: Queryable, batch: readonly Taken[], stored: (message: Taken) => number): Promise<Taken[]> {
  const inserted = await tx.query<{ stream: string; sequence: number; publishedUs: number }>(sql.insertSettled, [
    batch.map(({ stream }) => stream),
    batch.map(({ sequence }) => sequence),
    batch.map(({ publishedUs }) => publishedUs),
    batch.map(({ project }) => project),
    batch.map(({ environment }) => environment),
    batch.map(({ region }) => region),
    batch.map(({ instance }) => instance),
    batch.map(({ receivedAtMs }) => receivedAtMs),
    batch.map(({ events }) => events),
    batch.map(stored),
    batch.map(({ problem }) => problem !== undefined),
  ]);
  const fresh = new Set(inserted.map(keyOf));
  // The log may deliver a message twice within one batch.
  return batch.filter((message) => fresh.delete(keyOf(message)));
}

const keyOf = ({ stream, sequence, publishedUs }: Pick<Taken, 'stream' | 'sequence' | 'publishedUs'>): string =>
  `${stream}/${sequence}/${publishedUs}`;

async function buryUnfit(tx: Queryable, message: Taken): Promise<Burial[]> {
  const { problem, unfit, data, sequence } = message;
  if (problem !== undefined) {
    await buryMessage(tx, message, data, problem);
    return [{ sequence, eventId: undefined, reason: problem }];
  }
  for (const { row, reason } of unfit) await buryEvent(tx, row, reason);
  return unfit.map(({ row, reason }) => burialOf(row, reason));
}

const burialOf = ({ source, eventId }: EventRow, reason: string): Burial => ({
  sequence: source.sequence,
  eventId,
  reason,
});

/** A row with its tuple and the message that brought it. */
interface Item {
  readonly row: EventRow;
  readonly message: Taken;
  readonly tuple: Uint8Array;
}

interface Placed {
  readonly stored: readonly Item[];
  /** Their ids were found in the store. */
  readonly duplicate: readonly Item[];
  readonly buried: readonly { readonly item: Item; readonly reason: string }[];
}

const nothingPlaced: Placed = { stored: [], duplicate: [], buried: [] };

/** Inserts what is new; one bad event costs a few rounds, never the others. */
async function place(tx: Transaction, items: readonly Item[]): Promise<Placed> {
  const [only] = items;
  if (!only) return nothingPlaced;
  await tx.script('savepoint before_copy');
  try {
    const placed = await insertNew(tx, items);
    await tx.script('release savepoint before_copy');
    return placed;
  } catch (error) {
    if (!isDataFault(error) || isUniqueViolation(error)) throw error;
    await tx.script('rollback to savepoint before_copy; release savepoint before_copy');
    if (items.length === 1) {
      const reason = textOfError(error);
      await buryEvent(tx, only.row, reason);
      return { ...nothingPlaced, buried: [{ item: only, reason }] };
    }
  }
  const half = items.length >> 1;
  const left = await place(tx, items.slice(0, half));
  const right = await place(tx, items.slice(half));
  return {
    stored: [...left.stored, ...right.stored],
    duplicate: [...left.duplicate, ...right.duplicate],
    buried: [...left.buried, ...right.buried],
  };
}

async function insertNew(tx: Transaction, items: readonly Item[]): Promise<Placed> {
  await tx.script(sql.clearStages);
  await tx.copy(sql.stageEvents, copyOf(items.map(({ tuple }) => tuple)));
  const inserted = new Set((await tx.query<{ project: string; eventId: string }>(sql.insertStaged)).map(placeOf));
  // Of an event and its retry in one batch one is inserted: the first stands for it.
  const stored = items.filter(({ row }) => inserted.delete(placeOf(row)));
  const isNew = new Set(stored);
  const rest = items.filter((item) => !isNew.has(item));
  // Looked up rather than taken for known because they were not inserted: the books shall notice an event that is neither.
  const known = rest.length === 0 ? [] : await tx.query<{ project: string; eventId: string }>(sql.findStaged);
  const found = new Set(known.map(placeOf));
  await addExposures(
    tx,
    stored.map(({ row }) => row),
  );
  return { stored, duplicate: rest.filter(({ row }) => found.has(placeOf(row))), buried: [] };
}

const placeOf = ({ project, eventId }: { project: string; eventId: string }): string =>
  `${project}/${eventId.toLowerCase()}`;

async function correct(tx: Queryable, fresh: readonly Taken[], { stored, duplicate, buried }: Placed): Promise<void> {
  const counts = new Map(fresh.map((message) => [message, { stored: 0, duplicate: 0, buried: message.unfit.length }]));
  const countOf = (message: Taken) => counts.get(message) ?? { stored: 0, duplicate: 0, buried: 0 };
  for (const { message } of stored) countOf(message).stored++;
  for (const { message } of duplicate) countOf(message).duplicate++;
  for (const { item } of buried) countOf(item.message).buried++;
  await tx.query(sql.correctSettled, [
    fresh.map(({ stream }) => stream),
    fresh.map(({ sequence }) => sequence),
    fresh.map(({ publishedUs }) => publishedUs),
    fresh.map((message) => countOf(message).stored),
    fresh.map((message) => countOf(message).duplicate),
    fresh.map((message) => countOf(message).buried),
  ]);
}

/** @returns how many of the rows are exposures. */
async function addExposures(tx: Transaction, rows: readonly EventRow[]): Promise<number> {
  const exposed = rows.filter(({ exposure }) => exposure !== undefined);
  if (exposed.length === 0) return 0;
  await tx.script(sql.makeStages);
  await tx.copy(sql.stageExposures, copyOf([encodeUnits(foldUnits(exposed)).all()]));
  await tx.query(sql.mergeExposures);
  await tx.query(sql.addExposureCounts, countColumns(foldCounts(exposed)));
  return exposed.length;
}

async function addUsage(tx: Queryable, rows: readonly EventRow[]): Promise<void> {
  if (rows.length > 0) await tx.query(sql.addUsage, usageColumns(foldUsage(rows)));
}

async function addSources(tx: Queryable, batch: readonly Taken[]): Promise<void> {
  const delivered = batch.flatMap(({ project, environment, region, receivedAtMs, receipts }) =>
    receipts.map((receipt) => ({ project, environment, region, receivedAtMs, receipt })),
  );
  const news = foldReceipts(delivered);
  if (news.length === 0) return;
  await tx.query(sql.upsertSources, [
    news.map(({ project }) => project),
    news.map(({ environment }) => environment),
    news.map(({ sourceId }) => sourceId),
    news.map(({ region }) => region),
    news.map(({ arrived }) => arrived),
    news.map(({ accepted }) => accepted),
    news.map(({ duplicate }) => duplicate),
    news.map(({ rejected }) => rejected),
    news.map(({ reportNumber }) => reportNumber),
    news.map(({ report }) => report),
    news.map(({ lastSeenAtMs }) => lastSeenAtMs),
  ]);
}
