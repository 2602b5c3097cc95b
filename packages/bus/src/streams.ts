import { DiscardPolicy, type JetStreamManager, NatsError, nanos, RetentionPolicy, StorageType } from 'nats';
import type { MirrorOptions, StreamOptions } from './bus.js';

const defaultDuplicateWindowMs = 120_000;
/** JetStream's code for a stream that isn't there. */
const streamNotFound = 10_059;

function configOf(options: StreamOptions, replicas: number) {
  return {
    name: options.name,
    subjects: [...options.subjects],
    storage: StorageType.File,
    retention: options.isWorkQueue ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    discard: options.discard === 'new' ? DiscardPolicy.New : DiscardPolicy.Old,
    max_msgs_per_subject: options.maxMsgsPerSubject ?? -1,
    max_bytes: options.maxBytes ?? -1,
    num_replicas: replicas,
    duplicate_window: nanos(options.duplicateWindowMs ?? defaultDuplicateWindowMs),
  };
}

/** Makes the stream as asked, whether it is there or not. Racing processes agree. */
export async function ensureStream(manager: JetStreamManager, options: StreamOptions, replicas: number): Promise<void> {
  const config = configOf(options, replicas);
  try {
    await manager.streams.update(options.name, config);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await manager.streams.add(config);
  }
}

/** Makes the copy, unless it is there. */
export async function ensureMirror(
  manager: JetStreamManager,
  { name, domain }: MirrorOptions,
  replicas: number,
): Promise<void> {
  try {
    await manager.streams.info(name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const mirror = { name, external: { api: `$JS.${domain}.API`, deliver: '' } };
    await manager.streams.add({ name, mirror, storage: StorageType.File, num_replicas: replicas });
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && (error.api_error?.err_code === streamNotFound || error.code === '404');
}
