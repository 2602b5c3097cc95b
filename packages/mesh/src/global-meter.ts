import { type MeterProvider, metrics, type Histogram as OtelHistogram } from '@opentelemetry/api';
import { type Histogram, secondsBounds } from './metrics.js';

/**
 * A histogram of the program around us, in seconds: it goes wherever that program sends its
 * OpenTelemetry metrics, and nowhere when it has none. For libraries, which own no endpoint.
 */
export function globalSeconds(name: string, description: string): Histogram {
  let provider: MeterProvider | undefined;
  let histogram: OtelHistogram | undefined;
  return {
    record: (value, labels) => {
      // The program may set its provider after us; meters of the time before that stay silent for ever.
      const present = metrics.getMeterProvider();
      if (present !== provider || histogram === undefined) {
        provider = present;
        const advice = { explicitBucketBoundaries: [...secondsBounds] };
        histogram = present.getMeter('sluice').createHistogram(name, { description, unit: 's', advice });
      }
      histogram.record(value, labels);
    },
  };
}
