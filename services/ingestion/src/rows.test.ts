import assert from 'node:assert/strict';
import { EventBatch } from '@sluice/proto';
import fc from 'fast-check';
import { dayless, dayOf, dayOfId, rowsOf } from './rows.js';
import { eventOf, exposureOf, idAt, testNowMs, userOf } from './test/events.js';

const set = { project: 'shop', environment: 'production' };
const source = { subject: 'events.v1.shop.production', sequence: 7 };
const batchOf = (part: Partial<EventBatch>): EventBatch => ({ ...EventBatch.fromPartial({}), set, ...part });

describe('dayOfId', () => {
  it('is the day that a UUIDv7 was made on', () => {
    assert.equal(dayOfId(idAt(testNowMs)), '2026-11-22');
    assert.equal(dayOfId(idAt(Date.UTC(2026, 10, 22, 23, 59, 59, 999))), '2026-11-22');
    assert.equal(dayOfId(idAt(Date.UTC(2026, 10, 23))), '2026-11-23');
  });

  it('agrees with the time in the id for any time that can be', () => {
    const time = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2099, 11, 31) });
    fc.assert(
      fc.property(time, fc.nat(), (timeMs, serial) => assert.equal(dayOfId(idAt(timeMs, serial)), dayOf(timeMs))),
    );
  });

  it('is the day of the dayless for other versions and impossible times', () => {
    assert.equal(dayOfId('c73bcdcc-2669-4bf6-81d3-e4ae73fb11fd'), dayless);
    assert.equal(dayOfId(idAt(0)), dayless);
    assert.equal(dayOfId('ffffffff-ffff-7fff-bfff-ffffffffffff'), dayless);
  });
});

describe('rowsOf', () => {
  it('gives each event its row, with the skew that was recorded for it', () => {
    const events = [
      eventOf({ value: { $case: 'numberValue', value: 12.5 }, metadataJson: '{"a":1}' }),
      eventOf({ id: idAt(testNowMs, 2), value: { $case: 'stringValue', value: 'SKU' } }),
    ];
    const rows = rowsOf(batchOf({ events, skewsMs: [0, -5_000], receivedAtMs: testNowMs, instance: 'i' }), source);
    assert.deepEqual(
      rows.map(({ project, skewMs, numberValue, stringValue, metadata }) => [
        project,
        skewMs,
        numberValue,
        stringValue,
        metadata,
      ]),
      [
        ['shop', 0, 12.5, null, '{"a":1}'],
        ['shop', -5_000, null, 'SKU', null],
      ],
    );
  });

  it('keeps ids apart from attributes, and never the private ones', () => {
    const user = userOf({
      userId: 'u',
      email: 'e@x',
      customIds: { companyID: 'acme' },
      environment: { tier: 'staging' },
      custom: {
        plan: { kind: { $case: 'stringValue', value: 'pro' } },
        tags: { kind: { $case: 'json', value: '[1]' } },
        none: { kind: undefined },
      },
      privateAttributes: { secret: { kind: { $case: 'stringValue', value: 's' } } },
    });
    const [row] = rowsOf(batchOf({ events: [eventOf({ user })] }), source);
    assert.equal(row?.userId, 'u');
    assert.equal(row?.customIds, '{"companyID":"acme"}');
    assert.deepEqual(JSON.parse(row?.attributes ?? ''), {
      email: 'e@x',
      statsigEnvironment: { tier: 'staging' },
      custom: { plan: 'pro', tags: [1], none: null },
    });
  });

  it('has nothing where there is nothing', () => {
    const [row] = rowsOf(
      batchOf({ events: [eventOf({ user: userOf({ userId: '' }), exposure: exposureOf() })] }),
      source,
    );
    assert.deepEqual([row?.userId, row?.customIds, row?.attributes, row?.metadata], [null, null, null, null]);
  });

  it('refuses a batch that names no set', () => {
    assert.throws(() => rowsOf(batchOf({ set: undefined }), source), /names no set/);
  });
});
