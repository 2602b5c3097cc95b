import assert from 'node:assert/strict';
import { limitTimeout, timeoutOf } from './call-timeout.js';

describe('the time-out of a call', () => {
  const cases: readonly [string | undefined, number | undefined][] = [
    ['500m', 500],
    ['2S', 2_000],
    ['3M', 180_000],
    ['1H', 3_600_000],
    ['1500u', 1.5],
    ['1n', 0.000_001],
    ['0m', 0],
    [undefined, undefined],
    ['', undefined],
    ['m', undefined],
    ['5', undefined],
    ['5x', undefined],
    ['-5m', undefined],
    ['1.5S', undefined],
    ['123456789m', undefined],
  ];
  for (const [text, ms] of cases) {
    it(`${JSON.stringify(text)} is ${ms}`, () => {
      assert.equal(timeoutOf(text === undefined ? {} : { 'grpc-timeout': text }), ms);
    });
  }

  it('is the default when the caller gives none', () => {
    const headers = {};
    assert.equal(limitTimeout(headers, 30_000, 60_000), 30_000);
    assert.deepEqual(headers, { 'grpc-timeout': '30000m' });
  });

  it('is the longest when the caller gives a longer one', () => {
    const headers = { 'grpc-timeout': '99999999H' };
    assert.equal(limitTimeout(headers, 30_000, 60_000), 60_000);
    assert.deepEqual(headers, { 'grpc-timeout': '60000m' });
  });

  it('is otherwise the caller’s own', () => {
    const headers = { 'grpc-timeout': '700m' };
    assert.equal(limitTimeout(headers, 30_000, 60_000), 700);
    assert.deepEqual(headers, { 'grpc-timeout': '700m' });
  });

  it('that is malformed stays for gRPC to refuse', () => {
    const headers = { 'grpc-timeout': 'soon' };
    limitTimeout(headers, 30_000, 60_000);
    assert.deepEqual(headers, { 'grpc-timeout': 'soon' });
  });
});
