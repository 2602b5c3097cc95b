import assert from 'node:assert/strict';
import { cutRules, groupOf } from './region-partition.js';
import { hostOfNode, parseNatsNodes, parseRegions, planRegions } from './regions.js';

describe('regions', () => {
  it('are one on the usual host unless said, and have hosts of their own otherwise', () => {
    assert.deepEqual(planRegions(['local']), [{ name: 'local', host: '127.0.0.1', isHome: true, prefix: '' }]);
    const [us, eu] = planRegions(['us', 'eu']);
    assert.deepEqual(us, { name: 'us', host: '127.0.1.1', isHome: true, prefix: 'us-' });
    assert.deepEqual(eu, { name: 'eu', host: '127.0.2.1', isHome: false, prefix: 'eu-' });
    assert.ok(eu);
    assert.deepEqual(
      [0, 1, 2].map((index) => hostOfNode(eu, index)),
      ['127.0.2.1', '127.0.2.11', '127.0.2.12'],
    );
  });

  it('are read from text, and what names none is refused', () => {
    assert.deepEqual(parseRegions('us, eu'), ['us', 'eu']);
    for (const text of ['', 'us,', 'us,us', 'US', 'eu-1', 'a,b,c,d,e,f,g,h,i']) {
      assert.throws(() => parseRegions(text), /^StackProblem: REGIONS is ".*": it must be/, text);
    }
    assert.equal(parseNatsNodes('3'), 3);
    assert.throws(() => parseNatsNodes('2'), /^StackProblem: NATS_NODES is "2": it must be 1 or 3/);
  });

  it('are cut off from all others, both ways, by the groups that their processes have', () => {
    const [us, eu, ap] = [0, 1, 2].map((index) => groupOf('main', index));
    assert.equal(new Set([us, eu, ap, groupOf('other', 0)]).size, 4);
    const rules = cutRules('main', planRegions(['us', 'eu', 'ap']), 'eu');
    for (const rule of [
      `meta skgid ${eu} ip daddr 127.0.1.0/24 drop`,
      `meta skgid ${us} ip daddr 127.0.2.0/24 drop`,
      `meta skgid ${ap} ip daddr 127.0.2.0/24 drop`,
      `meta skgid ${eu} ip daddr 127.0.3.0/24 drop`,
    ]) {
      assert(rules.includes(rule), rule);
    }
    assert(!rules.includes(`meta skgid ${us} ip daddr 127.0.3.0/24`));
  });
});
