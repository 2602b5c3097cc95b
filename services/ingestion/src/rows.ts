/** From the log's messages to the store's rows; pure. */
import type { Event, EventBatch, Exposure, User, Value } from '@sluice/proto';

/** An event as the table holds it; times in Unix milliseconds, JSON as text. */
export interface EventRow {
  readonly project: string;
  readonly environment: string;
  readonly eventId: string;
  /** The partition, such as 2026-11-22. */
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
  /** Where it came from, should it have to be buried. */
  readonly source: MessageSource;
  readonly event: Event;
}

export interface MessageSource {
  readonly subject: string;
  readonly sequence: number;
}

/** The day of ids that carry none. */
export const dayless = '1970-01-01';
const firstDayMs = Date.UTC(2015, 0, 1);
const lastDayMs = Date.UTC(2100, 0, 1);

/**
 * The day that a UUIDv7 was made on (UTC). A function of the id and nothing else: that makes the
 * key of the partitioned table unique by id.
 */
export function dayOfId(id: string): string {
  if (id[14] !== '7') return dayless;
  const madeAtMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  if (!(madeAtMs >= firstDayMs && madeAtMs < lastDayMs)) return dayless;
  return dayOf(madeAtMs);
}

/** The day (UTC) of a time, such as 2026-11-22. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** @throws Error when the batch names no set, or an event can't be a row. */
export function rowsOf(batch: EventBatch, source: MessageSource): EventRow[] {
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
    source,
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
