/** Every wire type and service definition of the mesh, under its own name. */
export { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
export { Any } from './gen/google/protobuf/any.js';
export { BadRequest, RetryInfo } from './gen/google/rpc/error_details.js';
export { Status as RpcStatus } from './gen/google/rpc/status.js';
export * from './gen/grpc/health/v1/health.js';
export * from './gen/sluice/config/v1/ack.js';
export * from './gen/sluice/config/v1/config_service.js';
export * from './gen/sluice/config/v1/ruleset_service.js';
export * from './gen/sluice/evaluation/v1/evaluation.js';
export * from './gen/sluice/health/v1/health.js';
export * from './gen/sluice/ingestion/v1/ingestion.js';
export * from './gen/sluice/ingestion/v1/ledger.js';
export * from './gen/sluice/ingestion/v1/log.js';
export * from './gen/sluice/ruleset/v1/ruleset.js';

/** Where the compiled descriptors of all contracts lie, for server reflection. */
export const descriptorsUrl: URL = new URL('../descriptors.binpb', import.meta.url);
