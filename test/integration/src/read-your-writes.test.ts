/** No answer is older than its token, whatever is killed; `make drill stream` is the long form. */
import assert from 'node:assert/strict';
import { startMesh, type TestMesh } from '@sluice/testkit';
import { runPairs } from './pairs.js';

const evaluators = 2;

describe('writers who read their own writes', function () {
  this.timeout(120_000);
  let mesh: TestMesh;

  before(async () => {
    mesh = await startMesh({ evaluators, services: ['config', 'evaluation'] });
  });
  after(() => mesh?.stop());

  it('see each of them on every evaluator while NATS, config and evaluators are killed', async () => {
    const result = await runPairs(mesh, {
      ...{ evaluators, pairs: 400, writers: 8, seed: 4 },
      victims: ['nats', 'config-1', 'evaluation-1', 'evaluation-2'],
    });
    assert.deepEqual([result.older, result.wrong], [0, 0]);
    assert(result.pairs >= 400 && result.reads >= result.pairs * evaluators);
    assert.deepEqual(Object.values(result.kills).length, 4);
    assert(result.olderWithoutToken > 0, 'without a token nothing was ever old: this test could not see a fault');
  });
});
