/** From the log's messages to rows the plain way, by objects: the slow twin that the fast way is tested against. */
import type { Event, EventBatch, Exposure, User, Value } from '@sluice/proto';
import { type Tuples, TupleWriter } from '../writer/copy-tuples.js';
import { eventColumns } from '../writer/event-columns.js';
import { dayless, dayOf, isDayKnown } from '../writer/rows.js';

export interface PlainRow {
  readonly project: string;
  readonly environment: string;
  readonly eventId: string;
  readonly idDay: string;
  readonly name: string;
  readonly happenedAtMs: number;
  readonly skewMs: number;
  readonly receivedAtMs: number;
  readonly userId: string | null;
  readonly customIds: string | null;
  readonly attributes: string | null;
  readonly numberValue: number | null;
  readonly stringValue: string | null;
  readonly metadata: string | null;
  readonly exposure: Exposure | undefined;
  readonly instance: string;
  readonly region: string;
  readonly event: Event;
}

/** The day that a UUIDv7 was made on (UTC). */
export function dayOfId(id: string): string {
  if (id[14] !== '7') return dayless;
  const madeAtMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return isDayKnown(madeAtMs) ? dayOf(madeAtMs) : dayless;
}

/** @throws Error when the batch names no set, or an event can't be a row. */
export function plainRowsOf(batch: EventBatch): PlainRow[] {
  const { set, receivedAtMs, instance, region, skewsMs } = batch;
  if (!set?.project || !set.environment) throw new Error('the message names no set');
  const { project, environment } = set;
  return batch.events.map((event, at) => ({
    project,
    environment,
    eventId: event.id,
    idDay: dayOfId(event.id),
    name: event.name,
    happenedAtMs: event.timeMs,
    skewMs: skewsMs[at] ?? 0,
    receivedAtMs,
    userId: event.user?.userId || null,
    customIds: jsonOf(event.user?.customIds),
    attributes: attributesOf(event.user),
    numberValue: event.value?.$case === 'numberValue' ? event.value.value : null,
    stringValue: event.value?.$case === 'stringValue' ? event.value.value : null,
    metadata: event.metadataJson || null,
    exposure: event.exposure,
    instance,
    region,
    event,
  }));
}

function jsonOf(record: Readonly<Record<string, unknown>> | undefined): string | null {
  return record && Object.keys(record).length > 0 ? JSON.stringify(record) : null;
}

/** Everything of a user that may be stored but the ids. */
function attributesOf(user: User | undefined): string | null {
  if (!user) return null;
  const { email, ip, userAgent, country, locale, appVersion, environment, custom } = user;
  const attributes = {
    ...present({ email, ip, userAgent, country, locale, appVersion }),
    ...(Object.keys(environment).length > 0 ? { statsigEnvironment: environment } : {}),
    ...(Object.keys(custom).length > 0 ? { custom: customOf(custom) } : {}),
  };
  return jsonOf(attributes);
}

function present(texts: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).flatMap(([name, text]) => (text ? [[name, text]] : [])));
}

function customOf(custom: Readonly<Record<string, Value>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(custom).map(([name, { kind }]) => [name, plainOf(kind)]));
}

function plainOf(kind: Value['kind']): unknown {
  if (kind === undefined) return null;
  return kind.$case === 'json' ? JSON.parse(kind.value) : kind.value;
}

/** The rows as COPY takes them. */
export function plainTuplesOf(rows: readonly PlainRow[]): Tuples {
  const writer = new TupleWriter();
  for (const row of rows) encode(writer, row);
  return writer.finish();
}

function encode(writer: TupleWriter, row: PlainRow): void {
  writer.begin(eventColumns.length);
  writer.text(row.project);
  writer.text(row.environment);
  writer.uuid(row.eventId);
  writer.date(row.idDay);
  writer.text(row.name);
  writer.timestamptz(row.happenedAtMs);
  writer.int8(row.skewMs);
  writer.timestamptz(row.receivedAtMs);
  writer.text(row.userId);
  writer.json(row.customIds);
  writer.json(row.attributes);
  writer.float8(row.numberValue);
  writer.text(row.stringValue);
  writer.json(row.metadata);
  writer.json(row.exposure ? JSON.stringify(row.exposure) : null);
  writer.text(row.instance);
  writer.text(row.region);
  writer.end();
}
