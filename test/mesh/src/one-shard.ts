/** An event log without shards: what ingestion would have if it could not pass over one whose leader is lost. */
import { randomUUID } from 'node:crypto';
import { connectBus } from '@sluice/bus';
import { silentLogger } from '@sluice/mesh';
import { LogEventsRequest, LogEventsResponse, Outcome } from '@sluice/proto';
import { eventually } from '@sluice/testkit';
import type { Lab } from './lab.js';
import type { EventTaker } from './senders.js';

const stream = 'STORY';
const subject = 'story.events';
const bytesMax = 64 * 1024 * 1024;

/** Gives `use` somebody who takes events into one stream of three replicas. */
export async function withOneShard<T>({ mesh }: Lab, use: (taker: EventTaker) => Promise<T>): Promise<T> {
  const servers = ['nats-1', 'nats-2', 'nats-3'].map((node) => mesh.process(node).address);
  const url = servers.map((address) => `nats://${address}`).join();
  const bus = await connectBus({ url, replicas: servers.length, name: 'story', logger: silentLogger });
  try {
    await eventually(() => bus.ensureStream({ name: stream, subjects: [subject], maxBytes: bytesMax, discard: 'old' }));
    return await use({
      logEvents: async (request, { timeoutMs }) => {
        const data = LogEventsRequest.encode(request).finish();
        await bus.publish(subject, data, { messageId: randomUUID(), timeoutMs });
        return LogEventsResponse.fromPartial({ outcomes: request.events.map(() => ({ outcome: Outcome.ACCEPTED })) });
      },
    });
  } finally {
    await bus.close();
  }
}
