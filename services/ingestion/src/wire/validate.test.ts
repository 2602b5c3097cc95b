import assert from 'node:assert/strict';
import { type Event, type Exposure, ExposureKind } from '@sluice/proto';
import { eventOf, exposureOf, testNowMs, userOf } from '../test/events.js';
import { judge } from './validate.js';

const now = testNowMs;
const arrival = { receivedAtMs: now, skewMs: 0 };
const id = '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d';

const exposed = (part: Partial<Exposure> = {}): Event => eventOf({ exposure: exposureOf(part) });

const reasonFor = (event: Event, at = arrival): string => {
  const verdict = judge(event, at);
  return 'reason' in verdict ? verdict.reason : 'accepted';
};

const acceptedOf = (event: Event, at = arrival): Event => {
  const verdict = judge(event, at);
  assert('event' in verdict, 'reason' in verdict ? verdict.reason : '');
  return verdict.event;
};

const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

describe('judge', () => {
  it('accepts an event of every kind of value', () => {
    for (const part of [
      {},
      { value: { $case: 'numberValue', value: 12.5 } as const },
      { value: { $case: 'stringValue', value: 'SKU-1' } as const },
      { user: userOf({ userId: 'a-user', customIds: { companyID: 'acme' } }), metadataJson: '{"a":[1]}' },
    ]) {
      assert.equal(reasonFor(eventOf(part)), 'accepted');
    }
  });

  it('spells ids in lower case, so that a retry in capitals is the same event', () => {
    assert.equal(acceptedOf(eventOf({ id: id.toUpperCase() })).id, id);
  });

  it('accepts any UUID but the nil one', () => {
    assert.equal(reasonFor(eventOf({ id: 'c73bcdcc-2669-4bf6-81d3-e4ae73fb11fd' })), 'accepted');
    assert.match(reasonFor(eventOf({ id: '00000000-0000-0000-0000-000000000000' })), /^id: is not a UUID/);
  });

  const wrong: [string, Event, RegExp][] = [
    ['no id', eventOf({ id: '' }), /^id: is empty; make a UUIDv7/],
    ['an id of 64 KB', eventOf({ id: 'a'.repeat(65_536) }), /^id: is not a UUID/],
    ['no name', eventOf({ name: '' }), /^name: is empty/],
    ['a long name', eventOf({ name: 'é'.repeat(65) }), /^name: has 130 bytes, must have at most 128/],
    ['a NUL in the name', eventOf({ name: 'a\0b' }), /^name: has a NUL character/],
    ['no time', eventOf({ timeMs: 0 }), /^time_ms: is missing/],
    ['a time in seconds', eventOf({ timeMs: now / 1_000 }), /^time_ms: lies before 2015/],
    ['a negative time', eventOf({ timeMs: -5 }), /^time_ms: lies before 2015/],
    ['the year 2262', eventOf({ timeMs: Date.UTC(2262, 3, 11) }), /^time_ms: lies in the future/],
    ['NaN', eventOf({ value: { $case: 'numberValue', value: Number.NaN } }), /^number_value: is NaN; send a finite/],
    ['infinity', eventOf({ value: { $case: 'numberValue', value: -1 / 0 } }), /^number_value: is -Infinity/],
    [
      'a huge text value',
      eventOf({ value: { $case: 'stringValue', value: 'x'.repeat(8_193) } }),
      /^string_value: has 8193 bytes/,
    ],
    ['metadata that is not JSON', eventOf({ metadataJson: '{"a":' }), /^metadata_json: is not JSON/],
    [
      'metadata that is an array',
      eventOf({ metadataJson: '[1]' }),
      /^metadata_json: must be the JSON text of an object/,
    ],
    ['metadata that is null', eventOf({ metadataJson: 'null' }), /^metadata_json: must be the JSON text of an object/],
    ['deep metadata', eventOf({ metadataJson: nested(17) }), /^metadata_json: is nested more than 16 levels/],
    ['very deep metadata', eventOf({ metadataJson: nested(2_000) }), /^metadata_json: is nested more than 16 levels/],
    [
      'huge metadata',
      eventOf({ metadataJson: JSON.stringify({ a: 'x'.repeat(16_384) }) }),
      /^metadata_json: has 16392 bytes, must have at most 16384/,
    ],
    ['a number past a double', eventOf({ metadataJson: '{"a":1e999}' }), /^metadata_json: has a number too large/],
    ['an escaped NUL', eventOf({ metadataJson: '{"a":"\\u0000"}' }), /^metadata_json: has a NUL character/],
    ['a NUL in a key', eventOf({ metadataJson: '{"\\u0000":1}' }), /^metadata_json: has a NUL character/],
    ['half a surrogate pair', eventOf({ metadataJson: '{"a":"\\ud800"}' }), /^metadata_json: has half of a surrogate/],
    [
      'private attributes',
      eventOf({ user: userOf({ privateAttributes: { age: { kind: { $case: 'numberValue', value: 1 } } } }) }),
      /^user\.private_attributes: .* remove them/,
    ],
    [
      'a long unit id',
      eventOf({ user: userOf({ customIds: { companyID: 'x'.repeat(513) } }) }),
      /^user\.custom_ids\["companyID"\]: has 513 bytes/,
    ],
    [
      'an attribute that is not finite',
      eventOf({ user: userOf({ custom: { ltv: { kind: { $case: 'numberValue', value: Number.NaN } } } }) }),
      /^user\.custom\["ltv"\]: is NaN/,
    ],
    [
      'an attribute that is not JSON',
      eventOf({ user: userOf({ custom: { tags: { kind: { $case: 'json', value: '[1' } } } }) }),
      /^user\.custom\["tags"\]: is not JSON/,
    ],
    [
      'a user of many attributes',
      eventOf({
        user: userOf({
          environment: Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`k${at}`, 'x'.repeat(1_000)])),
        }),
      }),
      /^user: has \d+ bytes of text, must have at most 16384/,
    ],
    ['an exposure of no kind', exposed({ kind: ExposureKind.UNSPECIFIED }), /^exposure\.kind: is not known/],
    ['an exposure without entity', exposed({ key: '' }), /^exposure\.key: is empty/],
    ['an exposure without unit', exposed({ unitId: '' }), /^exposure\.unit_id: is empty/],
    ['an exposure with a long rule', exposed({ ruleId: 'x'.repeat(257) }), /^exposure\.rule_id: has 257 bytes/],
  ];
  for (const [what, event, reason] of wrong) {
    it(`rejects ${what} and names the field`, () => assert.match(reasonFor(event), reason));
  }

  it('takes metadata of exactly 16 levels, in the spelling of JSON.stringify', () => {
    assert.equal(acceptedOf(eventOf({ metadataJson: nested(16) })).metadataJson, nested(16));
    assert.equal(acceptedOf(eventOf({ metadataJson: '{ "a" : 1e-400000 }' })).metadataJson, '{"a":0}');
  });

  it('names exposures that have no name', () => {
    assert.equal(acceptedOf({ ...exposed(), name: '' }).name, 'exposure');
  });

  it('corrects the time by the skew before it judges it', () => {
    const slow = { receivedAtMs: now, skewMs: now - 5_000 };
    assert.equal(acceptedOf(eventOf({ timeMs: 3_000 }), slow).timeMs, now - 2_000);
    assert.match(reasonFor(eventOf({ timeMs: now }), slow), /^time_ms: lies in the future/);
  });

  it('drops a malformed traceparent rather than the event', () => {
    assert.equal(acceptedOf(eventOf({ traceparent: 'x'.repeat(1_000) })).traceparent, '');
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    assert.equal(acceptedOf(eventOf({ traceparent })).traceparent, traceparent);
  });
});
