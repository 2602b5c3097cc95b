import type { Logger } from 'pino';
import { ConfigError } from './env.js';
import { Scope } from './scope.js';
import { stopTelemetry } from './start-telemetry.js';

const stopWithinMs = 10_000;
const watchdogMs = 2_000;

/**
 * The life of a process: start, wait for SIGTERM or SIGINT, release everything in reverse, and
 * let the event loop empty. What keeps it from emptying is named before it is cut off.
 */
export function run(start: (scope: Scope) => Promise<unknown>, logger?: Logger): void {
  const scope = new Scope();
  scope.push('telemetry', stopTelemetry);
  const stop = async (exitCode: number): Promise<void> => {
    process.exitCode = exitCode;
    const failed = await scope.close(stopWithinMs);
    if (failed.length > 0) complain(logger, `did not stop in time: ${failed.join(', ')}`);
    setTimeout(() => {
      complain(logger, `still held at exit: ${process.getActiveResourcesInfo().join(', ')}`);
      process.exit();
    }, watchdogMs).unref();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(0));
  // Wrapped, because reading the environment throws before there is a promise.
  (async () => start(scope))().catch((error: unknown) => {
    complain(logger, error instanceof ConfigError ? error.message : `could not start: ${describe(error)}`);
    return stop(1);
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function complain(logger: Logger | undefined, message: string): void {
  if (logger) logger.error(message);
  else process.stderr.write(`${message}\n`);
}
