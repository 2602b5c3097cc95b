/** One function for each RPC about what the writer could not count. */
import { createHash } from 'node:crypto';
import { type Call, forbidden, invalid, notFound, type Principal, requireKind, requireWrite } from '@sluice/mesh';
import type { Database, Queryable } from '@sluice/postgres';
import type {
  DeadLetter,
  DropDeadLetterRequest,
  DropDeadLetterResponse,
  GetDeadLetterRequest,
  GetDeadLetterResponse,
  ListDeadLettersRequest,
  ListDeadLettersResponse,
  RetryDeadLetterRequest,
  RetryDeadLetterResponse,
} from '@sluice/proto';
import { type Shards, subjectHere } from './log/shards.js';
import * as sql from './writer/statements.js';

export interface Burials {
  readonly database: Database;
  readonly shards: Shards;
  /** Whose log takes what is tried again. */
  readonly region: string;
}

const pageDefault = 100;
const pageMax = 1_000;

/** Letters of every project lie side by side, some unreadable: only who may see all projects may see them. */
function requireEverything(principal: Principal): void {
  requireKind(principal, 'console', 'mesh');
  if (principal.project !== '') throw forbidden('Dead letters belong to no single project; use a key for everything.');
}

export async function listDeadLetters(
  { database }: Burials,
  { afterId, limit }: ListDeadLettersRequest,
  call: Call,
): Promise<ListDeadLettersResponse> {
  requireEverything(call.principal);
  if (limit > pageMax) throw invalid('limit', `is over ${pageMax}; ask for pages with after_id`);
  return { letters: await database.query<DeadLetter>(sql.listDeadLetters, [afterId, limit || pageDefault]) };
}

export async function getDeadLetter(
  { database }: Burials,
  { id }: GetDeadLetterRequest,
  call: Call,
): Promise<GetDeadLetterResponse> {
  requireEverything(call.principal);
  return requireLetter(database, id);
}

export async function retryDeadLetter(
  { database, shards, region }: Burials,
  { id }: RetryDeadLetterRequest,
  call: Call,
): Promise<RetryDeadLetterResponse> {
  requireEverything(call.principal);
  if (call.principal.kind === 'console') requireWrite(call.principal);
  const { letter, payload } = await requireLetter(database, id);
  const messageId = createHash('sha256').update(`retry ${id} ${Date.now()}`).digest('base64url');
  await shards.publish({ subject: subjectHere(letter.subject, region), data: payload, messageId });
  await database.query(sql.dropDeadLetter, [id]);
  return {};
}

export async function dropDeadLetter(
  { database }: Burials,
  { id }: DropDeadLetterRequest,
  call: Call,
): Promise<DropDeadLetterResponse> {
  requireEverything(call.principal);
  if (call.principal.kind === 'console') requireWrite(call.principal);
  const dropped = await database.query(sql.dropDeadLetter, [id]);
  if (dropped.length === 0) throw noLetter(id);
  return {};
}

interface Row extends DeadLetter {
  readonly payload: Buffer;
}

async function requireLetter(database: Queryable, id: number): Promise<GetDeadLetterResponse & { letter: DeadLetter }> {
  const [row] = await database.query<Row>(sql.getDeadLetter, [id]);
  if (!row) throw noLetter(id);
  const { payload, ...letter } = row;
  return { letter, payload };
}

const noLetter = (id: number): Error =>
  notFound('id', `there is no dead letter ${id}; list them to see which there are`);
