import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadMeter } from './load-meter.js';
import { type Metrics, noMetrics, type Observe } from './metrics.js';

describe('the load of a process', () => {
  it('is unknown at first, then how busy its thread was', async () => {
    let observe: Observe = () => [];
    const metrics: Metrics = { ...noMetrics, gauge: (_name, _description, look) => (observe = look) };
    const meter = new LoadMeter(metrics);
    try {
      assert.deepEqual([meter.value, [...observe()]], [undefined, []]);
      // Busy for some 600 ms of the first second.
      const endMs = performance.now() + 600;
      while (performance.now() < endMs) {}
      while (meter.value === undefined) await sleep(20);
      assert(meter.value > 0.4 && meter.value <= 1, `${meter.value}`);
      assert.deepEqual([...observe()], [{ value: meter.value }]);
    } finally {
      meter.close();
    }
  });
});
