/** NATS and JetStream: the only room that imports `nats`. */
export type * from './bus.js';
export { type Bus, connectBus, missingOf } from './connect-bus.js';
