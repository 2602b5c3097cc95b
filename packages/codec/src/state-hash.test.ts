import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { canonicalEntity } from './canonical.js';
import { addEntity, emptyStateHash, equalHashes, hashEntities, removeEntity } from './state-hash.js';

const setting = (name: string, value: string): Entity => ({ name, version: 1, body: { $case: 'settingJson', value } });
const entities = fc.uniqueArray(
  fc.record({ name: fc.string(), value: fc.string() }).map(({ name, value }) => setting(name, value)),
  { selector: ({ name }) => name, maxLength: 20 },
);

/** What the contract says, with big numbers and no tricks. */
function plainHash(list: readonly Entity[]): string {
  let sum = 0n;
  for (const entity of list) {
    const name = Buffer.from(entity.name);
    assert(name.length < 128);
    const input = Buffer.concat([Buffer.from([10, name.length]), name, Entity.encode(entity).finish()]);
    sum += BigInt(`0x${createHash('sha256').update(input).digest('hex')}`);
  }
  return (sum % 2n ** 256n).toString(16).padStart(64, '0');
}

const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');

describe('the state hash', () => {
  it('is the sum that the contract says', () => {
    fc.assert(fc.property(entities, (list) => assert.equal(hex(hashEntities(list)), plainHash(list))));
  });

  it('does not care for order', () => {
    fc.assert(
      fc.property(entities, (list) => {
        assert(equalHashes(hashEntities(list), hashEntities([...list].reverse())));
      }),
    );
  });

  it('comes back to where it was when what was added is removed', () => {
    fc.assert(
      fc.property(entities, entities, (held, others) => {
        const before = hashEntities(held);
        const during = others.reduce(addEntity, before);
        assert(equalHashes(others.reduce(removeEntity, during), before));
      }),
    );
    assert(equalHashes(hashEntities([]), emptyStateHash()));
  });

  it('tells one section from another', () => {
    const layer: Entity = { name: 'a', version: 0, body: { $case: 'experimentLayer', value: 'x' } };
    assert(!equalHashes(hashEntities([layer]), hashEntities([setting('a', 'x')])));
  });

  it('does not change its argument', () => {
    const before = emptyStateHash();
    addEntity(before, setting('a', '1'));
    assert(equalHashes(before, emptyStateHash()));
  });
});

describe('the canonical entity', () => {
  it('has the same bytes whatever the order of a map, before and after the wire', () => {
    const key = fc.oneof(fc.string(), fc.nat(99).map(String));
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, fc.string()), { selector: ([name]) => name }), (pairs) => {
        const entityOf = (additionalValues: Record<string, string>): Entity => ({
          name: 'c',
          version: 0,
          body: {
            $case: 'condition',
            value: {
              type: 'public',
              idType: '',
              targetValueJson: undefined,
              operator: undefined,
              field: undefined,
              additionalValues,
            },
          },
        });
        const bytes = Entity.encode(canonicalEntity(entityOf(Object.fromEntries(pairs)))).finish();
        const reversed = Entity.encode(canonicalEntity(entityOf(Object.fromEntries([...pairs].reverse())))).finish();
        assert.deepEqual(reversed, bytes);
        assert.deepEqual(Entity.encode(Entity.decode(bytes)).finish(), bytes);
      }),
    );
  });
});
