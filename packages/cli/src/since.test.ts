import assert from 'node:assert/strict';
import { parseDay, parseSince } from './since.js';

const nowMs = Date.parse('2026-11-23T12:00:00Z');

describe('times that are typed', () => {
  it('are ages, days or moments', () => {
    const since = (text: string) => new Date(parseSince('--since', text, nowMs)).toISOString();
    assert.equal(since('30m'), '2026-11-23T11:30:00.000Z');
    assert.equal(since('7d'), '2026-11-16T12:00:00.000Z');
    assert.equal(since('2026-11-23T10:00:00+01:00'), '2026-11-23T09:00:00.000Z');
    assert.equal(since('2026-11-23'), '2026-11-23T00:00:00.000Z');
    assert.equal(parseSince('--since', '999999d', nowMs), 1, 'never before the beginning: 0 would mean all');
  });

  for (const text of ['', '7', 'd', '-1h', '1w', '2026-11-23T10:00:00', 'yesterday', '2026-13-45']) {
    it(`are refused by name: ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseSince('--since', text, nowMs), { message: /^--since: must be a time such as 24h/ });
    });
  }

  it('are days where days are asked for', () => {
    assert.equal(parseDay('--from', '2026-02-28'), '2026-02-28');
    for (const text of ['2026-02-30', '2026-2-1', 'today', '']) {
      assert.throws(() => parseDay('--from', text), { message: /^--from: must be a day/ }, text);
    }
  });
});
