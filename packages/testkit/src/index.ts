/** Brackets around real servers and services, for tests. Whatever is started here ends with the test process. */

export { freePorts } from '@sluice/stack';
export { withDatabase, withNats, withServers } from './brackets.js';
export { type EventuallyOptions, eventually } from './eventually.js';
export { goal } from './goal.js';
export { guardStack, temporaryFolder } from './guard.js';
export { type CommandResult, type MeshOptions, startMesh, type TestMesh, withMesh } from './mesh.js';
export { type RegionsMesh, type RegionsOptions, startRegions } from './regions.js';
export { createDatabase, type Servers, type ServersOptions, startServers } from './servers.js';
export { TestProcess } from './test-process.js';
