import assert from 'node:assert/strict';
import fc from 'fast-check';
import { currentBaggage, pinBaggage, pinnedRevision, withBaggage } from './baggage.js';

const shop = { project: 'shop', environment: 'production' };
const staging = { project: 'shop', environment: 'staging' };

describe('a pin in baggage', () => {
  it('is of one set, and stands among what others put there', () => {
    const baggage = 'user=ada;secret,sluice.revision.shop.production=7;ttl=1, other = x';
    assert.equal(pinnedRevision(baggage, shop), 7);
    assert.equal(pinnedRevision(baggage, staging), undefined);
    assert.equal(pinnedRevision(undefined, shop), undefined);
    assert.equal(pinnedRevision('', shop), undefined);
  });

  it('is read with the spaces that the recommendation allows', () => {
    assert.equal(pinnedRevision('a=b , sluice.revision.shop.production = 12 ; p', shop), 12);
  });

  it('that is no revision is none', () => {
    for (const value of ['', '0', '-1', '1.5', '1e3', 'x', '99999999999999999', '7 7', '0x7']) {
      assert.equal(pinnedRevision(`sluice.revision.shop.production=${value}`, shop), undefined, value);
    }
  });

  it('takes the place of an older one of its set, and leaves everything else', () => {
    const first = pinBaggage('user=ada', shop, 7);
    const second = pinBaggage(pinBaggage(first, staging, 3), shop, 8);
    assert.equal(second, 'sluice.revision.shop.production=8,sluice.revision.shop.staging=3,user=ada');
    assert.equal(pinnedRevision(second, shop), 8);
    assert.equal(pinnedRevision(second, staging), 3);
  });

  it('survives any baggage around it', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (around, revision) => {
        assert.equal(pinnedRevision(pinBaggage(around, shop, revision), shop), revision);
        // Nothing that anybody sends makes reading fail.
        pinnedRevision(around, shop);
      }),
    );
  });
});

describe('the baggage of a request', () => {
  it('is beside its work, wherever that goes on, and nowhere else', async () => {
    const seen = await Promise.all(
      ['a=1', 'b=2'].map((baggage) =>
        withBaggage(baggage, async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return currentBaggage();
        }),
      ),
    );
    assert.deepEqual(seen, ['a=1', 'b=2']);
    assert.equal(currentBaggage(), undefined);
  });

  it('is left behind when it is longer than anybody has to take', () => {
    assert.equal(
      withBaggage(`a=${'x'.repeat(9_000)}`, () => currentBaggage()),
      undefined,
    );
    assert.equal(
      withBaggage(undefined, () => currentBaggage()),
      undefined,
    );
  });
});
