/** The chassis of every service: config, logs, traces, errors, server, client, discovery, lifecycle. */
export {
  type Authenticate,
  covers,
  createAuthenticate,
  digestOf,
  type FindGrant,
  type Grant,
  granted,
  newSecret,
  type Principal,
  type PrincipalKind,
  requireKind,
  requireSet,
  requireWrite,
  unverified,
} from './auth.js';
export { backoff, jitter } from './backoff.js';
export { currentBaggage, hasPin, pinBaggage, pinnedRevision, withBaggage } from './baggage.js';
export { bind, type HandlersOf, type ServiceBinding } from './bind.js';
export type { Call } from './call.js';
export {
  type Client,
  type ClientOptions,
  createClient,
  type StreamOptions,
  type UnaryOptions,
} from './client.js';
export { type Clock, fineClock, sharedClock, systemClock } from './clock.js';
export {
  type Instance,
  listInstances,
  register,
  type WatchOptions,
  watchService,
} from './consul.js';
export type { Answer } from './conversation.js';
export type { Duplex, DuplexListener } from './duplex.js';
export {
  address,
  ConfigError,
  type HostPort,
  integer,
  readEnv,
  secretFile,
} from './env.js';
export {
  alreadyExists,
  conflict,
  type ErrorKind,
  exhausted,
  type FieldProblem,
  forbidden,
  invalid,
  invalidFields,
  notFound,
  preconditionFailed,
  SluiceError,
  unauthenticated,
  unavailable,
} from './errors.js';
export { globalSeconds } from './global-meter.js';
export { labelsOf } from './instance-metrics.js';
export { setsFor, shownTo } from './instance-service.js';
export { run } from './lifecycle.js';
export { createLogger, type Logger, silentLogger } from './logger.js';
export {
  type Identity,
  type LogLevel,
  type MeshConfig,
  readMeshConfig,
  type ServiceName,
} from './mesh-config.js';
export {
  connectionsMax,
  type Histogram,
  type Labels,
  type Metrics,
  noMetrics,
  type Page,
  type Sample,
  secondsBounds,
  startMetrics,
} from './metrics.js';
export { Pacer, type PacerOptions } from './pacer.js';
export { type Regions, readRegions } from './regions.js';
export { type Release, Scope } from './scope.js';
export { type MeshServer, type ServerOptions, startServer } from './server.js';
export { startTelemetry, stopTelemetry } from './start-telemetry.js';
export { statusOf } from './status.js';
export {
  currentTraceparent,
  isSampled,
  type SpanOptions,
  type SpanRole,
  withSpan,
} from './tracing.js';
export { Turnstile } from './turnstile.js';
export { version } from './version.js';
export { type Everywhere, watchRegions } from './watch-regions.js';
export { unhurried, type Within } from './within.js';
