import assert from 'node:assert/strict';
import { type MeterProvider, metrics } from '@opentelemetry/api';
import { digestOf } from '@sluice/mesh';
import { Sluice } from './index.js';
import { key, TestMesh } from './test/mesh.js';
import { gateEntity, keyEntity } from './test/model.js';

interface Recorded {
  readonly name: string;
  readonly seconds: number;
  readonly hop: unknown;
}

/** The program around the SDK, as far as it keeps histograms. */
function keepHistograms(recorded: Recorded[]): void {
  const createHistogram = (name: string) => ({
    record: (seconds: number, { hop }: { hop?: unknown }) => void recorded.push({ name, seconds, hop }),
  });
  metrics.setGlobalMeterProvider({ getMeter: () => ({ createHistogram }) } as unknown as MeterProvider);
}

describe('the last hop of a change', () => {
  it('is timed in the metrics of the program around, for changes and not for the first ruleset', async () => {
    const recorded: Recorded[] = [];
    keepHistograms(recorded);
    const mesh = await new TestMesh().start();
    mesh.isTiming = true;
    mesh.model.commit([gateEntity('on', 0), keyEntity(digestOf(key))]);
    const client = new Sluice({ key, target: mesh.target, disableExposureLogging: true });
    try {
      await client.ready();
      assert.equal(recorded.length, 0);
      mesh.model.commit([gateEntity('on', 100)]);
      mesh.tell();
      await client.waitForRevision(2);
      assert.deepEqual(
        recorded.map(({ name, hop }) => [name, hop]),
        [
          ['sluice.propagation', 'applied_to_sdk'],
          ['sluice.propagation', 'commit_to_sdk'],
        ],
      );
      const [applied, committed] = recorded;
      assert(applied && applied.seconds >= 0 && applied.seconds < 5, `${applied?.seconds} s`);
      assert(committed && committed.seconds >= applied.seconds);
    } finally {
      metrics.disable();
      await client.close({ timeoutMs: 100 });
      await mesh.stop();
    }
  });
});
