import assert from 'node:assert/strict';
import { currentTraceparent, isSampled, withSpan } from './tracing.js';

describe('tracing without an exporter', () => {
  it('runs the work and traces nothing', async () => {
    assert.equal(isSampled('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'), false);
    const inside = await withSpan('work', { isRoot: true }, async () => currentTraceparent());
    assert.equal(inside, undefined);
  });

  it('throws on what the work throws', () => {
    assert.throws(() => withSpan('work', {}, () => JSON.parse('{')), SyntaxError);
  });
});
