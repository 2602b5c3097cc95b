/** The fields of a LogEvents request, as the strict wire check needs to know them. A test holds them to the contract. */
import {
  entityNameBytesMax,
  entriesMax,
  eventsMax,
  idTypeBytesMax,
  metadataBytesMax,
  nameBytesMax,
  stringValueBytesMax,
  unitIdBytesMax,
  userBytesMax,
} from '../limits.js';
import { isPlainObject, isTraceparent, isUuid } from './sound-text.js';
import { type FieldDescription, type MessageDescription, type MessageSchema, schemaOf } from './wire-fields.js';

const string = (name: string) => ({ name, type: 'string' }) as const;

/** Sound beyond doubt up to so many bytes. */
const text = (name: string, bytesMax: number) => ({ name, type: 'string', bytesMax }) as const;

const setRef: MessageDescription = { fields: { 1: string('project'), 2: string('environment') } };

const value: MessageDescription = {
  fields: {
    1: { name: 'bool_value', type: 'bool' },
    2: { name: 'number_value', type: 'double' },
    3: text('string_value', userBytesMax),
    4: string('json'),
  },
  choice: [1, 2, 3, 4],
};

/** Entries whose keys have more bytes than that are in doubt. */
const mapOf = (name: string, keyBytesMax: number, content: Omit<FieldDescription, 'name'>) => ({
  name,
  max: entriesMax,
  excess: `user.${name}: has more than ${entriesMax} entries; send the ones that you ask for`,
  type: {
    fields: { 1: { ...text('key', keyBytesMax), isKey: true }, 2: { ...content, name: 'value' } },
    needed: [1, 2],
  } as const,
  bytesMax: userBytesMax,
});

const user: MessageDescription = {
  fields: {
    1: text('user_id', unitIdBytesMax),
    2: mapOf('custom_ids', idTypeBytesMax, text('', unitIdBytesMax)),
    3: text('email', userBytesMax),
    4: text('ip', userBytesMax),
    5: text('user_agent', userBytesMax),
    6: text('country', userBytesMax),
    7: text('locale', userBytesMax),
    8: text('app_version', userBytesMax),
    9: mapOf('custom', userBytesMax, { type: value }),
    // Refused, so never beyond doubt.
    10: { ...mapOf('private_attributes', 0, { type: value }), bytesMax: -1 },
    11: mapOf('environment', userBytesMax, text('', userBytesMax)),
  },
};

const exposure: MessageDescription = {
  fields: {
    1: { name: 'kind', type: 'int32', numberMax: 3 },
    2: text('key', entityNameBytesMax),
    3: { name: 'gate_value', type: 'bool' },
    4: text('rule_id', entityNameBytesMax),
    5: text('group_name', entityNameBytesMax),
    6: text('id_type', idTypeBytesMax),
    7: text('unit_id', unitIdBytesMax),
    8: { name: 'revision', type: 'uint' },
    9: { name: 'version', type: 'uint32' },
    10: text('parameter', entityNameBytesMax),
    11: text('allocated_experiment', entityNameBytesMax),
  },
  needed: [1, 2, 7],
};

const event: MessageDescription = {
  fields: {
    1: { ...text('id', 36), isSound: isUuid, note: 'id' },
    2: { name: 'time_ms', type: 'int', note: 'time' },
    3: text('name', nameBytesMax),
    4: { name: 'user', type: user, bytesMax: userBytesMax },
    5: { name: 'number_value', type: 'double' },
    6: text('string_value', stringValueBytesMax),
    7: { ...text('metadata_json', metadataBytesMax), isSound: isPlainObject },
    8: { name: 'exposure', type: exposure },
    9: { ...text('traceparent', 55), isSound: isTraceparent, note: 'trace' },
  },
  choice: [5, 6],
  needed: [1, 2, 3],
};

const uint = (name: string) => ({ name, type: 'uint' }) as const;

/** Reasons of one kind in a report: sources have about ten. */
const reasonsMax = 100;

const reasons = (name: string) => ({
  name,
  max: reasonsMax,
  type: { fields: { 1: string('key'), 2: uint('value') } },
});

const report: MessageDescription = {
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

export const logEvents: MessageDescription = {
  fields: {
    1: { name: 'set', type: setRef },
    2: { name: 'events', type: event, max: eventsMax, isSpan: true },
    3: { name: 'sent_at_ms', type: 'int' },
    4: string('source_id'),
    5: uint('sequence'),
    6: { name: 'report', type: report },
  },
};

/** The batch is looked into on its own. */
const streamEvents: MessageDescription = {
  fields: {
    1: { name: 'batch', type: { fields: {} }, isSpan: true },
    2: { name: 'batch_number', type: 'uint' },
  },
};

export const logEventsSchema: MessageSchema = schemaOf(logEvents);
export const streamEventsSchema: MessageSchema = schemaOf(streamEvents);
