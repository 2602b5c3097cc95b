/**
 * Many listeners of one stream in a process of their own: subscribers of raw NATS, followers of
 * frames in JetStream, streams of a bare gRPC server or of an evaluator, or SDKs of one. For each message, in order, it reports when the
 * last of them had it.
 */
import { setPriority } from 'node:os';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { connectBus } from '@sluice/bus';
import { silentLogger } from '@sluice/mesh';
import { RulesetServiceService, type SetRef, WatchRulesetRequest, type WatchRulesetResponse } from '@sluice/proto';
import { readFrame } from '@sluice/replica';
import { Sluice } from '@sluice/sdk';
import { cuttable } from '../../integration/dist/cuttable.js';

export interface ListenerOptions {
  readonly kind: 'raw' | 'frames' | 'grpc' | 'watch' | 'sdk';
  readonly count: number;
  /** Of NATS or of a bare gRPC server, or the target of the evaluator. */
  readonly url: string;
  readonly subject: string;
  readonly stream: string;
  readonly key: string;
  readonly set: SetRef;
  /** Address of the evaluator when SDKs are to reach it by a proxy, whose connections `cut` resets. */
  readonly behindProxy?: string | undefined;
}

/** Asks for every connection of the proxy to be reset. */
export type Cut = 'cut';

/** Message or revision `id` was had by the first and by the last listener; Unix milliseconds with fractions. */
export type ListenerReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'all'; readonly id: number; readonly firstMs: number; readonly lastMs: number };

const nowMs = (): number => performance.timeOrigin + performance.now();
const connectAtATime = 50;

/** Counts who has what. */
class Roll {
  readonly #count: number;
  readonly #seen = new Map<number, { seen: number; firstMs: number }>();

  constructor(count: number) {
    this.#count = count;
  }

  note(id: number): void {
    const entry = this.#seen.get(id) ?? { seen: 0, firstMs: nowMs() };
    entry.seen++;
    this.#seen.set(id, entry);
    if (entry.seen < this.#count) return;
    this.#seen.delete(id);
    report({ kind: 'all', id, firstMs: entry.firstMs, lastMs: nowMs() });
  }
}

function report(line: ListenerReport): void {
  process.send?.(line);
}

async function startNats({ kind, url, subject, stream }: ListenerOptions, roll: Roll): Promise<void> {
  const bus = await connectBus({ url, name: 'bench-listener', logger: silentLogger });
  await new Promise<void>((resolve) => {
    let id = 0;
    const onMessage = ({ data }: { data: Uint8Array }): void => {
      if (kind === 'frames') readFrame(data);
      // An empty message only shows that the server knows of the subscription.
      if (data.length === 0) resolve();
      else roll.note(id++);
    };
    if (kind === 'frames') bus.follow({ stream, subjects: subject, deliver: 'new', isLive: true }, onMessage, resolve);
    else bus.subscribe(subject, onMessage);
  });
}

async function startStream({ url }: ListenerOptions, roll: Roll): Promise<void> {
  const client = new Client(url, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const asIs = (bytes: Buffer): Buffer => bytes;
  const stream = client.makeServerStreamRequest('/bench.Relay/Watch', asIs, asIs, Buffer.alloc(0));
  await new Promise<void>((resolve, reject) => {
    let id = 0;
    stream.on('data', (bytes: Buffer) => (bytes.length === 0 ? resolve() : roll.note(id++)));
    stream.on('error', reject);
  });
}

/** As an SDK listens, without applying what it hears. */
async function startWatch({ url, key, set }: ListenerOptions, roll: Roll): Promise<void> {
  const client = new Client(url, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  const { path, requestSerialize, responseDeserialize } = RulesetServiceService.watchRuleset;
  const request = WatchRulesetRequest.fromPartial({ set });
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata);
  await new Promise<void>((resolve, reject) => {
    let isReady = false;
    stream.on('data', ({ item }: WatchRulesetResponse) => {
      if (item?.$case !== 'frame') return;
      if (isReady) roll.note(item.value.revision);
      // The first is a snapshot.
      isReady = true;
      resolve();
    });
    stream.on('error', reject);
  });
}

async function startSdk({ url, key, set }: ListenerOptions, roll: Roll): Promise<void> {
  const sdk = new Sluice({ key, set, target: url, disableExposureLogging: true });
  let held = 0;
  // A snapshot or a burst brings several revisions at once: whoever has a later one has the earlier.
  sdk.onChange(({ revision }) => {
    for (let id = held + 1; held > 0 && id <= revision; id++) roll.note(id);
    held = revision;
  });
  await sdk.ready({ timeoutMs: 60_000 });
  held = sdk.status().revision;
}

process.once('message', async (message) => {
  const asked = message as ListenerOptions;
  // A thousand machines of their own would not take the evaluator's processor away.
  if (asked.behindProxy !== undefined) setPriority(19);
  // Here, so that its work does not hold up whoever measures.
  const proxy = asked.behindProxy === undefined ? undefined : await cuttable(asked.behindProxy);
  const options = proxy ? { ...asked, url: `static:///${proxy.address}` } : asked;
  process.on('message', (word) => {
    if (word === ('cut' satisfies Cut)) proxy?.reset();
  });
  const roll = new Roll(options.count);
  const start = { raw: startNats, frames: startNats, grpc: startStream, watch: startWatch, sdk: startSdk }[
    options.kind
  ];
  for (let started = 0; started < options.count; started += connectAtATime) {
    const some = Math.min(connectAtATime, options.count - started);
    await Promise.all(Array.from({ length: some }, () => start(options, roll)));
  }
  report({ kind: 'ready' });
});
process.once('disconnect', () => process.exit(0));
