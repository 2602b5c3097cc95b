/** The fields of a LogEvents request, as the strict wire check needs to know them. A test holds them to the contract. */
import { eventsMax } from './limits.js';
import type { MessageSchema } from './wire-check.js';

const string = (name: string) => ({ name, type: 'string' }) as const;

/** Entries of a map: more than this do not fit the limits of a user anyway. */
const entriesMax = 1_000;

const setRef: MessageSchema = { fields: { 1: string('project'), 2: string('environment') } };

const value: MessageSchema = {
  fields: {
    1: { name: 'bool_value', type: 'bool' },
    2: { name: 'number_value', type: 'double' },
    3: string('string_value'),
    4: string('json'),
  },
  choice: [1, 2, 3, 4],
};

const mapOf = (name: string, type: 'string' | MessageSchema) => ({
  name,
  max: entriesMax,
  type: { fields: { 1: string('key'), 2: { name: 'value', type } } },
});

const user: MessageSchema = {
  fields: {
    1: string('user_id'),
    2: mapOf('custom_ids', 'string'),
    3: string('email'),
    4: string('ip'),
    5: string('user_agent'),
    6: string('country'),
    7: string('locale'),
    8: string('app_version'),
    9: mapOf('custom', value),
    10: mapOf('private_attributes', value),
    11: mapOf('environment', 'string'),
  },
};

const exposure: MessageSchema = {
  fields: {
    1: { name: 'kind', type: 'int32' },
    2: string('key'),
    3: { name: 'gate_value', type: 'bool' },
    4: string('rule_id'),
    5: string('group_name'),
    6: string('id_type'),
    7: string('unit_id'),
    8: { name: 'revision', type: 'uint' },
    9: { name: 'version', type: 'uint32' },
    10: string('parameter'),
    11: string('allocated_experiment'),
  },
};

const event: MessageSchema = {
  fields: {
    1: string('id'),
    2: { name: 'time_ms', type: 'int' },
    3: string('name'),
    4: { name: 'user', type: user },
    5: { name: 'number_value', type: 'double' },
    6: string('string_value'),
    7: string('metadata_json'),
    8: { name: 'exposure', type: exposure },
    9: string('traceparent'),
  },
  choice: [5, 6],
};

const uint = (name: string) => ({ name, type: 'uint' }) as const;

/** Reasons of one kind in a report: sources have about ten. */
const reasonsMax = 100;

const reasons = (name: string) => ({
  name,
  max: reasonsMax,
  type: { fields: { 1: string('key'), 2: uint('value') } },
});

const report: MessageSchema = {
  fields: {
    1: uint('number'),
    2: uint('generated'),
    3: uint('accepted'),
    4: uint('duplicate'),
    5: reasons('rejected'),
    6: reasons('dropped'),
    7: uint('spooled'),
    8: uint('in_flight'),
    9: uint('sequenced'),
    10: { name: 'is_closed', type: 'bool' },
  },
};

export const logEventsSchema: MessageSchema = {
  fields: {
    1: { name: 'set', type: setRef },
    2: { name: 'events', type: event, max: eventsMax, isSpan: true },
    3: { name: 'sent_at_ms', type: 'int' },
    4: string('source_id'),
    5: uint('sequence'),
    6: { name: 'report', type: report },
  },
};

export const streamEventsSchema: MessageSchema = {
  fields: {
    1: { name: 'batch', type: logEventsSchema },
    2: { name: 'batch_number', type: 'uint' },
  },
};
