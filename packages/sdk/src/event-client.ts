import { join } from 'node:path';
import { createClient, digestOf } from '@sluice/mesh';
import { IngestionServiceService, type SetRef } from '@sluice/proto';
import { EventQueue } from './event-queue.js';
import { batchTimeoutMs } from './limits.js';
import type { Settled } from './options.js';

/** A queue that brings events to the ingestion target, if there is one. */
export function openEventQueue(
  { connection, ingestionTarget, queueEventsMax, lingerMs, globalCustomFields, logger, spool }: Settled,
  set: () => SetRef | undefined,
): { queue: EventQueue; close: () => void } {
  const client = ingestionTarget
    ? createClient(IngestionServiceService, { ...connection, target: ingestionTarget })
    : undefined;
  const queue = new EventQueue({
    send: client && ((request, signal) => client.logEvents(request, { timeoutMs: batchTimeoutMs, signal })),
    set,
    eventsMax: queueEventsMax,
    lingerMs,
    globalCustomFields,
    logger,
    // Whoever takes over what another client left must send it with the same key: by folder.
    spool: spool && { ...spool, directory: join(spool.directory, digestOf(connection.key).slice(0, 16)) },
  });
  return { queue, close: () => client?.close() };
}
