import assert from 'node:assert/strict';
import { join } from 'node:path';
import { checkout } from '@sluice/stack';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';

describe('a whole mesh', function () {
  this.timeout(90_000);
  let mesh: TestMesh;

  before(async () => {
    mesh = await startMesh({ evaluators: 2 });
    const applied = await mesh.sluice('apply', join(checkout, 'examples/storefront.yaml'));
    assert.equal(applied.code, 0, applied.stderr);
  });
  after(() => mesh?.stop());

  const check = () => mesh.sluice('check', 'express-checkout', '--user', '{"userID":"a-user"}', '--json');

  it('answers through its public command line', async () => {
    const { code, stdout, stderr } = await eventually(async () => {
      const result = await check();
      assert.equal(result.code, 0, result.stderr);
      return result;
    });
    assert.equal(code, 0, stderr);
    assert.equal(typeof JSON.parse(stdout), 'object');
  });

  it('fails no check while an evaluator is killed and comes back', async () => {
    await mesh.process('evaluation-1').kill();
    for (let i = 0; i < 3; i += 1) {
      const { code, stderr } = await check();
      assert.equal(code, 0, stderr);
    }
    await mesh.process('evaluation-1').start();
    assert.equal(mesh.process('evaluation-1').isRunning, true);
  });

  it('has an evaluator that starts from disk when everything else is dead', async () => {
    const names = ['config-1', 'evaluation-2', 'ingestion-1', 'health-1', 'nats', 'postgres', 'consul'];
    for (const name of [...names, 'evaluation-1']) await mesh.process(name).kill();
    await mesh.process('evaluation-1').start();
    assert.equal(mesh.process('evaluation-1').isRunning, true);
  });
});
