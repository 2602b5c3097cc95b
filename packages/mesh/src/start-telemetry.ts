import type { Release } from './scope.js';
import { enableTracing } from './tracing.js';

let flush: Release = () => undefined;

/** Starts exporting spans when the environment names an OTLP endpoint. Does nothing the second time. */
export async function startTelemetry(env: NodeJS.ProcessEnv): Promise<void> {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return;
  const instance = env.SLUICE_INSTANCE;
  env.OTEL_SERVICE_NAME ??= instance?.replace(/-\d+$/, '') ?? 'sluice';
  env.OTEL_RESOURCE_ATTRIBUTES ??= `service.instance.id=${instance ?? process.pid},cloud.region=${env.SLUICE_REGION ?? 'local'}`;
  env.OTEL_METRICS_EXPORTER ??= 'none';
  env.OTEL_LOGS_EXPORTER ??= 'none';
  const ratio = takeRootRatio(env);
  // Loaded only when wanted: it doubles the start-up time of a process.
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({ instrumentations: [] });
  sdk.start();
  enableTracing(ratio);
  flush = () => sdk.shutdown();
}

/** Sends what is still buffered, then stops exporting. */
export function stopTelemetry(): void | Promise<void> {
  return flush();
}

/** Reads the sampling ratio and leaves the SDK to follow parents: it must not thin a second time. */
function takeRootRatio(env: NodeJS.ProcessEnv): number {
  switch (env.OTEL_TRACES_SAMPLER) {
    case 'always_off':
    case 'parentbased_always_off':
      return 0;
    case 'traceidratio':
    case 'parentbased_traceidratio': {
      const ratio = Number(env.OTEL_TRACES_SAMPLER_ARG ?? '1');
      env.OTEL_TRACES_SAMPLER = 'parentbased_always_on';
      return ratio >= 0 && ratio <= 1 ? ratio : 1;
    }
    default:
      return 1;
  }
}
