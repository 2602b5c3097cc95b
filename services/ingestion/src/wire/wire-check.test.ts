import assert from 'node:assert/strict';
import { ExposureKind, LogEventsRequest, User } from '@sluice/proto';
import fc from 'fast-check';
import { eventOf } from '../test/events.js';
import { checkWire } from './wire-check.js';
import type { FieldDescription, MessageDescription } from './wire-fields.js';
import { logEvents, logEventsSchema } from './wire-schema.js';

const check = (bytes: Uint8Array) => checkWire(bytes, logEventsSchema);
const tag = (field: number, wireType: number) => (field << 3) | wireType;
const delimited = (field: number, ...inner: number[]) => [tag(field, 2), inner.length, ...inner];

/** A request that uses every field of the contract that may be logged. */
const full: LogEventsRequest = LogEventsRequest.fromPartial({
  set: { project: 'shop', environment: 'production' },
  sentAtMs: 1_700_000_000_000,
  events: [
    {
      id: '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d',
      timeMs: 1_700_000_000_000,
      name: 'Kauf – ключ 😀',
      user: {
        userId: 'u',
        customIds: { companyID: 'c' },
        email: 'e',
        ip: 'i',
        userAgent: 'a',
        country: 'de',
        locale: 'l',
        appVersion: '1',
        custom: {
          n: { kind: { $case: 'numberValue', value: -1.5 } },
          b: { kind: { $case: 'boolValue', value: true } },
          s: { kind: { $case: 'stringValue', value: 's' } },
          j: { kind: { $case: 'json', value: '[1]' } },
        },
        privateAttributes: { p: { kind: { $case: 'stringValue', value: 'p' } } },
        environment: { tier: 'staging' },
      },
      value: { $case: 'numberValue', value: Number.NaN },
      metadataJson: '{"a":1}',
      exposure: {
        kind: ExposureKind.LAYER,
        key: 'k',
        gateValue: true,
        ruleId: 'r',
        groupName: 'g',
        idType: 'userID',
        unitId: 'u',
        revision: Number.MAX_SAFE_INTEGER,
        version: 4_294_967_295,
        parameter: 'p',
        allocatedExperiment: 'x',
      },
      traceparent: 't',
    },
    { id: 'second', value: { $case: 'stringValue', value: 'v' }, timeMs: -Number.MAX_SAFE_INTEGER },
  ],
});
const bytes = LogEventsRequest.encode(full).finish();

interface Place {
  readonly path: string;
  readonly number: number;
  /** The wire type that the field must have. */
  readonly wanted: number;
  /** Puts bytes into the messages around the field. */
  readonly wrap: (inner: number[]) => number[];
}

const wireTypeOf = (type: FieldDescription['type']): number =>
  typeof type === 'object' || type === 'string' ? 2 : type === 'double' ? 1 : 0;

function* fieldsOf(
  { fields }: MessageDescription,
  above = '',
  wrap: Place['wrap'] = (inner) => inner,
): Generator<Place> {
  for (const [key, { name, type, max }] of Object.entries(fields)) {
    const path = `${above}${name}${max === undefined ? '' : '[0]'}`;
    const number = Number(key);
    yield { path, number, wanted: wireTypeOf(type), wrap };
    if (typeof type === 'object') yield* fieldsOf(type, `${path}.`, (inner) => wrap(delimited(number, ...inner)));
  }
}

describe('the wire check', () => {
  it('accepts what the contract says, and an empty message', () => {
    assert.equal(check(bytes), undefined);
    assert.equal(check(new Uint8Array()), undefined);
  });

  it('knows every field of the contract: none of a full request is skipped as unknown', () => {
    const names = new Set<string>();
    const gather = ({ fields }: typeof logEvents): void => {
      for (const { name, type } of Object.values(fields)) {
        names.add(name);
        if (typeof type !== 'string') gather(type);
      }
    };
    gather(logEvents);
    const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const contract = [full, full.events[0], full.events[0]?.exposure, User.fromPartial({}), full.events[0]?.user];
    const wanted = contract.flatMap((part) => Object.keys(part ?? {})).map(snake);
    assert.deepEqual(
      wanted.filter((name) => name !== 'value' && !names.has(name)),
      [],
    );
  });

  it('refuses every prefix that does not end at the border of a field', () => {
    let refused = 0;
    for (let end = 0; end < bytes.length; end++) {
      const prefix = bytes.subarray(0, end);
      if (check(prefix)) refused += 1;
      else assert.deepEqual(LogEventsRequest.encode(LogEventsRequest.decode(prefix)).finish(), prefix, `prefix ${end}`);
    }
    // Whole are: nothing, with the set, with one event, with two.
    assert.equal(refused, bytes.length - 4);
  });

  it('lets nothing through, with any bit flipped, that the decoder chokes on or that is not UTF-8', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (check(flipped)) continue;
      const text = JSON.stringify(LogEventsRequest.decode(flipped));
      assert(!text.includes('\ufffd'), `bit ${bit}: a replacement character came out of the decoder`);
    }
  });

  it('answers for any bytes, and what it accepts decodes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (any) => {
        if (!check(any)) LogEventsRequest.decode(any);
      }),
      { numRuns: 5_000 },
    );
  });

  const wrong: [string, number[], string, RegExp][] = [
    ['field number 0', [0x00, 0x00], 'request', /number 0/],
    ['a group', [tag(15, 3)], '#15', /wire type 3/],
    ['an unknown field that is cut short', [tag(15, 2), 5, 1], '#15', /cut short/],
    ['a text as a number', [tag(1, 0), 1], 'set', /wire type 0, must be 2/],
    ['a text past the end', delimited(2, tag(1, 2), 40, 65), 'events[0].id', /cut short/],
    ['bad UTF-8', delimited(2, tag(3, 2), 2, 0xc3, 0x28), 'events[0].name', /not valid UTF-8/],
    ['an overlong spelling', delimited(2, tag(3, 2), 2, 0xc0, 0x80), 'events[0].name', /not valid UTF-8/],
    ['half a surrogate pair', delimited(2, tag(3, 2), 3, 0xed, 0xa0, 0x80), 'events[0].name', /not valid UTF-8/],
    ['a number of 11 bytes', [tag(3, 0), ...Array(10).fill(0xff), 1], 'sent_at_ms', /more than 64 bits/],
    ['a number past a double', [tag(3, 0), ...Array(8).fill(0xff), 0x7f], 'sent_at_ms', /out of range/],
    ['a short double', delimited(2, tag(5, 1), 0, 0, 0), 'events[0].number_value', /cut short/],
    ['a tag of 6 bytes', [0xa0, 0x80, 0x80, 0x80, 0x80, 0x00, 1], 'request', /tag of more than 5 bytes/],
    [
      'a length of 6 bytes',
      delimited(2, tag(3, 2), 0x81, 0x80, 0x80, 0x80, 0x80, 0x00, 0x41),
      'events[0].name',
      /length of more than 5 bytes/,
    ],
    ['a wide tag', [0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 'request', /tag of more than 32 bits/],
    [
      'the second event of two, in a map',
      [...delimited(2), ...delimited(2, ...delimited(4, ...delimited(2, tag(1, 2), 1, 0xff)))],
      'events[1].user.custom_ids[0].key',
      /not valid UTF-8/,
    ],
    [
      'a version past 32 bits',
      delimited(2, ...delimited(8, tag(9, 0), 0xff, 0xff, 0xff, 0xff, 0x7f)),
      'events[0].exposure.version',
      /out of range/,
    ],
  ];
  for (const [what, input, field, message] of wrong) {
    it(`refuses ${what} and says where`, () => {
      const problem = check(Uint8Array.from(input));
      assert.equal(problem?.field, field);
      assert.match(problem?.message ?? '', message);
    });
  }

  it('refuses every field of the contract in every other wire type, and names it', () => {
    /** Values of each wire type, behind their tags. */
    const values = { 0: [1], 1: Array<number>(8).fill(0), 2: [0], 5: Array<number>(4).fill(0) };
    let refused = 0;
    for (const { path, number, wanted, wrap } of fieldsOf(logEvents)) {
      for (const [wireType, value] of Object.entries(values)) {
        if (Number(wireType) === wanted) continue;
        const problem = check(Uint8Array.from(wrap([tag(number, Number(wireType)), ...value])));
        assert.deepEqual(problem, { field: path, message: `has wire type ${wireType}, must be ${wanted}` });
        refused++;
      }
    }
    assert.equal(refused % 3, 0);
    assert.ok(refused > 150, `${refused}`);
  });

  it('refuses more events than a request may have, before anything is decoded', () => {
    const events = Array.from({ length: 1_001 }, () => eventOf({ name: 'a' }));
    assert.deepEqual(check(LogEventsRequest.encode({ set: undefined, events, sentAtMs: 0 }).finish()), {
      field: 'events',
      message: 'has more than 1000 elements',
    });
  });
});
