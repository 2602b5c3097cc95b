import assert from 'node:assert/strict';
import { parseAuthoring } from '@sluice/codec';
import { kinds } from './kinds.js';
import { chosenSalt } from './stored-salt.js';

/** The least that a kind needs. */
const parts: Readonly<Record<string, object>> = {
  gate: {},
  config: { default: {} },
  holdout: { percentage: 5 },
  experiment: { parameters: {}, groups: [{ name: 'a', weight: 100 }] },
  layer: { parameters: {} },
};

describe('the salt of what stands', () => {
  for (const [word, part] of Object.entries(parts)) {
    const kind = kinds.find((one) => one.word === word);
    assert(kind);
    const saltOf = (salt: object): string | undefined => {
      const [entity] = parseAuthoring(JSON.stringify({ project: 'p', [kind.part]: { n: { ...part, ...salt } } }));
      assert.equal(entity?.name, 'n');
      return chosenSalt(kind, entity);
    };

    it(`is what the author chose: ${word}`, () => {
      assert.equal(saltOf({ salt: 'mine' }), 'mine');
      assert.equal(saltOf({ salt: 'experiment/mine' }), 'experiment/mine');
      assert.equal(saltOf({}), undefined);
    });
  }
});
