import assert from 'node:assert/strict';
import { Kind } from '@sluice/proto';
import { parseKey } from './keys.js';

describe('what to decide', () => {
  const cases: [string, Kind, string][] = [
    ['checkout', Kind.UNSPECIFIED, 'checkout'],
    ['gate/checkout', Kind.GATE, 'checkout'],
    ['layer/a/b', Kind.LAYER, 'a/b'],
    // A name may hold a slash: only the words of kinds are taken for one.
    ['team/checkout', Kind.UNSPECIFIED, 'team/checkout'],
    ['/checkout', Kind.UNSPECIFIED, '/checkout'],
  ];
  for (const [text, kind, name] of cases) {
    it(`is ${text}`, () => assert.deepEqual(parseKey(text), { kind, name }));
  }
});
