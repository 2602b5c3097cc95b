import { DiscardPolicy, type JetStreamManager, NatsError, nanos, RetentionPolicy, StorageType } from 'nats';
import type { StreamOptions } from './bus.js';

const defaultDuplicateWindowMs = 120_000;
/** JetStream's code for a stream that isn't there. */
const streamNotFound = 10_059;

function configOf(options: StreamOptions) {
  return {
    name: options.name,
    subjects: [...options.subjects],
    storage: StorageType.File,
    retention: options.isWorkQueue ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    discard: options.discard === 'new' ? DiscardPolicy.New : DiscardPolicy.Old,
    max_msgs_per_subject: options.maxMsgsPerSubject ?? -1,
    max_bytes: options.maxBytes ?? -1,
    duplicate_window: nanos(options.duplicateWindowMs ?? defaultDuplicateWindowMs),
  };
}

/** Makes the stream as asked, whether it is there or not. Racing processes agree. */
export async function ensureStream(manager: JetStreamManager, options: StreamOptions): Promise<void> {
  const config = configOf(options);
  try {
    await manager.streams.update(options.name, config);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await manager.streams.add(config);
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && (error.api_error?.err_code === streamNotFound || error.code === '404');
}
