import assert from 'node:assert/strict';
import fc from 'fast-check';
import { eventOf, idAt, testNowMs } from '../test/events.js';
import { rowOf } from '../test/wire.js';
import { dayless, dayOf } from './rows.js';

const dayOfId = (id: string): string => rowOf(eventOf({ id })).idDay;

describe('the day of a row', () => {
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
