/** Taking events in by StreamEvents: batches that were encoded before, some under way on each client's one stream. */
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { IngestionServiceService } from '@sluice/proto';
import type { FreshRequests } from './ledger-events.js';

const asIs = (bytes: Buffer): Buffer => bytes;
/** Tags of StreamEventsRequest's two fields, and of the result in StreamEventsResponse. */
const batchTag = 0x0a;
const numberTag = 0x10;
const resultTag = 0x12;

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

const wrap = (batch: Buffer, number: number): Buffer =>
  Buffer.concat([Buffer.from([batchTag, ...varint(batch.length)]), batch, Buffer.from([numberTag, ...varint(number)])]);

/** Whether an answer has a result, behind the number of its batch; decoding all of it would be the generator's work, not the server's. */
function isAccepted(answer: Buffer): boolean {
  let at = 1;
  while (((answer[at] ?? 0) & 0x80) !== 0) at++;
  return answer[at + 1] === resultTag;
}

export interface StreamsOptions {
  readonly address: string;
  readonly key: string;
  readonly streams: number;
  readonly inFlightEach: number;
  readonly requests: FreshRequests;
  readonly forMs: number;
}

/** @returns batches per second that were accepted. */
export async function saturateStreams(options: StreamsOptions): Promise<number> {
  const startMs = performance.now();
  const accepted = await Promise.all(Array.from({ length: options.streams }, () => saturateOne(options, startMs)));
  return (accepted.reduce((sum, count) => sum + count, 0) * 1_000) / (performance.now() - startMs);
}

function saturateOne(options: StreamsOptions, startMs: number): Promise<number> {
  const { address, key, inFlightEach, requests, forMs } = options;
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  const stream = client.makeBidiStreamRequest(IngestionServiceService.streamEvents.path, asIs, asIs, metadata);
  let [sent, answered, accepted] = [0, 0, 0];
  const send = (): void => void stream.write(wrap(requests.next(), ++sent));
  return new Promise<number>((resolve, reject) => {
    stream.on('data', (answer: Buffer) => {
      answered++;
      if (isAccepted(answer)) accepted++;
      if (performance.now() - startMs < forMs) send();
      else if (answered === sent) stream.end();
    });
    stream.on('end', () => resolve(accepted));
    stream.on('error', reject);
    for (let started = 0; started < inFlightEach; started++) send();
  }).finally(() => client.close());
}
