import { type Logger, pino } from 'pino';
import type { Identity, LogLevel } from './mesh-config.js';
import { currentTrace } from './tracing.js';

export type { Logger } from 'pino';

/** JSON lines on standard output; inside a sampled span they carry its ids. */
export function createLogger(identity: Identity, level: LogLevel): Logger {
  return pino({
    level,
    base: {
      service: identity.service,
      instance: identity.instance,
      region: identity.region,
    },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => currentTrace() ?? {},
  });
}

/** A logger that says nothing, for tests and tools. */
export const silentLogger: Logger = pino({ level: 'silent' });
