/** One line of an event file: pure. */
import { createHash } from 'node:crypto';
import { userFromJson } from '@sluice/codec';
import { invalid, SluiceError } from '@sluice/mesh';
import { type Event, Exposure } from '@sluice/proto';
import { parseObjectInput } from './json-input.js';

const example = '{"name":"purchase","time":"2026-11-23T10:00:00Z","user":{"userID":"a-user"},"value":9.5}';
const fields: readonly string[] = ['id', 'name', 'time', 'user', 'value', 'metadata', 'exposure'];

/** Where a line stands. */
export interface LinePlace {
  /** What ids are derived from, besides the line: the file's name, or what it was called before. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/**
 * Reads an event from its line. Without an id of its own it gets one that follows from file, line
 * number and text, so that the same line is the same event however often it is imported.
 * @throws SluiceError `invalid` naming the field.
 */
export function eventOfLine(text: string, place: LinePlace): Event {
  const parsed = parseObjectInput('line', text, example);
  const { id, name, time, user, value, metadata, exposure } = parsed;
  const strange = Object.keys(parsed).find((field) => !fields.includes(field));
  if (strange !== undefined) throw invalid(strange, `is not known; a line has ${fields.join(', ')}`);
  if (typeof name !== 'string' || name === '') throw invalid('name', 'is missing; say what happened');
  const timeMs = timeOf(time);
  return {
    id: id === undefined ? derivedId(text, place, timeMs) : textOf('id', id),
    timeMs,
    name,
    user: userFromJson(objectOf('user', user)),
    value: amountOf(value),
    metadataJson: metadata === undefined ? '' : JSON.stringify(objectOf('metadata', metadata)),
    exposure: exposure === undefined ? undefined : Exposure.fromJSON(objectOf('exposure', exposure)),
    traceparent: '',
  };
}

/** A UUIDv7 of the event's own time, whose random part is a digest of where it stands and what it says. */
export function derivedId(text: string, { file, line }: LinePlace, timeMs: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([file, line, text]))
    .digest();
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.max(timeMs, 0), 0, 6);
  digest.copy(bytes, 6, 0, 10);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** A text that is not JSON has no fields to name: the fault of the line is enough. */
export function problemOf(error: unknown): string {
  if (error instanceof SluiceError || error instanceof Error) return error.message;
  return String(error);
}

/** Unix milliseconds, or ISO 8601 with a zone: a time without one means something else on each machine. */
function timeOf(time: unknown): number {
  if (typeof time === 'number' && Number.isSafeInteger(time) && time > 0) return time;
  const isZoned = typeof time === 'string' && /^\d{4}-\d\d-\d\d[T ].*(Z|[+-]\d\d:?\d\d)$/.test(time);
  const timeMs = isZoned ? Date.parse(time) : Number.NaN;
  if (Number.isFinite(timeMs) && timeMs > 0) return timeMs;
  throw invalid('time', 'must be Unix milliseconds or ISO 8601 with a zone, such as 2026-11-23T10:00:00Z');
}

function amountOf(value: unknown): Event['value'] {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return { $case: 'numberValue', value };
  if (typeof value === 'string') return { $case: 'stringValue', value };
  throw invalid('value', 'must be a number or a text');
}

function objectOf(field: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(field, value === undefined ? 'is missing; give an object' : 'must be an object');
}

function textOf(field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid(field, 'must be a text');
}
