/** Starts the real servers and every service on one machine. */
export { problemOf } from './checks.js';
export { consulServer } from './consul-server.js';
export { dropDatabase, ensureDatabase, urlOfDatabase } from './databases.js';
export { down, reset } from './down.js';
export { awaitEnd, awaitHealth, type Launched, launch, logPath, StartFailure, stopProcess } from './launch.js';
export { logs } from './logs.js';
export { natsServer } from './nats-server.js';
export { checkout, type Folders, foldersIn } from './paths.js';
export { planStack, postgresDataFolder, type StackPlan } from './plan.js';
export { findFreeBlock, planPorts } from './port-plan.js';
export { freePorts, isFree } from './ports.js';
export { type PostgresServer, postgresServer } from './postgres-server.js';
export { formatTable, type Print, printLine } from './print.js';
export { StackProblem } from './problem.js';
export { identify, isAlive, type ProcessId, signal } from './proc.js';
export { type Check, hashOf, type ProcessSpec } from './process-spec.js';
export { reconcile } from './reconcile.js';
export { startRegion, stopRegion } from './region-control.js';
export { healAll, healRegion, partitionRegion } from './region-partition.js';
export { hostsOf, planRegions, type Region } from './regions.js';
export { type RunningProcess, type RunState, readRun } from './run-file.js';
export { keepSecret, newPassword, readSecret, secretPath } from './secrets.js';
export {
  meshKeyName,
  rootKeyName,
  type ServiceKind,
  type Surroundings,
  serviceProcess,
  sluiceCommand,
} from './services.js';
export { newSettings, type StackSettings, writeSettings } from './settings.js';
export { status } from './status.js';
export { stopAll } from './stop-all.js';
export { startSupervisor, stopSupervisor } from './supervision.js';
export { up } from './up.js';
