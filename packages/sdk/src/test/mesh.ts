/** A real gRPC server that plays evaluator and ingestion, on a port of its own. */
import { EventEmitter, once } from 'node:events';
import {
  bind,
  type Call,
  digestOf,
  exhausted,
  invalid,
  type MeshServer,
  silentLogger,
  startServer,
  unavailable,
} from '@sluice/mesh';
import {
  Durability,
  type Event,
  Heartbeat,
  IngestionServiceService,
  KeyClass,
  type LogEventsRequest,
  Outcome,
  RulesetServiceService,
  type WatchRulesetRequest,
  WatchRulesetResponse,
} from '@sluice/proto';
import type { RawFrame } from '@sluice/replica';
import { demo, Model } from './model.js';

export const key = 'sluice_server_of-the-tests';
const heartbeatMs = 50;

const watching = {
  watchRuleset: { ...RulesetServiceService.watchRuleset, responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes) },
};

/** Scripted in what it says, real in how it says it. */
export class TestMesh {
  readonly model = new Model();
  readonly events: Event[] = [];
  readonly batches: LogEventsRequest[] = [];
  /** What was asked for when streams were opened. */
  readonly watches: WatchRulesetRequest[] = [];
  /** Frames that readers get instead of what is right. */
  readonly lies: RawFrame[] = [];
  ageMs = 0;
  isSilent = false;
  /** Readers are turned away, and told to come back after so long. */
  comeBackMs: number | undefined = undefined;
  isIngestionAway = false;
  /** Names of events for which ingestion refuses the whole request. */
  readonly unreadable = new Set<string>();
  target = '';
  readonly #news = new EventEmitter().setMaxListeners(0);
  #server: MeshServer | undefined;

  async start(port = 0): Promise<this> {
    this.#server = await startServer({
      mesh: {
        identity: { service: 'evaluation', instance: 'evaluation-1', region: 'test', version: '0' },
        grpcAddr: { host: '127.0.0.1', port },
        consulAddr: undefined,
        meshKey: 'mesh-of-the-tests',
        logLevel: 'silent',
      },
      logger: silentLogger,
      findGrant: (digest) =>
        digest === digestOf(key) ? { keyClass: KeyClass.SERVER, ...demo, canWrite: false, label: 'test' } : undefined,
      services: [
        bind(watching, { watchRuleset: (request, call) => this.#watch(request, call) }),
        bind(IngestionServiceService, {
          logEvents: (request) => this.#logEvents(request),
          streamEvents: () => () => {
            throw unavailable('not here');
          },
        }),
      ],
      describe: () => ({ sets: [], counters: {} }),
    });
    this.target = `static:///${this.#server.address}`;
    return this;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** Every stream ends as if the process had died. */
  async stop(): Promise<void> {
    await this.#server?.stop(0);
  }

  /** Tells the readers that something has changed. */
  tell(): void {
    this.#news.emit('news');
  }

  #logEvents(request: LogEventsRequest) {
    this.batches.push(request);
    if (this.isIngestionAway) throw unavailable('away');
    const spoiled = request.events.findIndex(({ name }) => this.unreadable.has(name));
    if (spoiled >= 0) throw invalid(`events[${spoiled}].name`, 'is not valid UTF-8');
    this.events.push(...request.events);
    return {
      outcomes: request.events.map(() => ({ outcome: Outcome.ACCEPTED, reason: '' })),
      durability: Durability.QUORUM,
    };
  }

  async *#watch(request: WatchRulesetRequest, call: Call): AsyncGenerator<Uint8Array> {
    this.watches.push(request);
    if (this.comeBackMs !== undefined) throw exhausted('Too many readers.', this.comeBackMs);
    let { revision } = request;
    while (!call.signal.aborted) {
      const lie = this.lies.shift();
      if (lie) yield frameMessage(lie);
      if (revision !== this.model.revision) {
        const next = this.model.frames.filter((frame) => frame.revision > revision);
        const isResumable = revision > 0 && next[0]?.previousRevision === revision;
        const times = { item: undefined, appliedAtMs: Date.now(), traceparent: undefined };
        if (!isResumable) yield frameMessage(this.model.snapshot());
        else
          for (const frame of next)
            yield Buffer.concat([frameMessage(frame), WatchRulesetResponse.encode(times).finish()]);
        revision = this.model.revision;
      }
      if (!this.isSilent) yield this.#heartbeat();
      const timer = setTimeout(() => this.tell(), heartbeatMs);
      await once(this.#news, 'news', { signal: call.signal }).catch(() => undefined);
      clearTimeout(timer);
    }
  }

  #heartbeat(): Uint8Array {
    const { revision, stateHash } = this.model;
    const value = Heartbeat.create({
      revision,
      stateHash: Buffer.from(stateHash),
      nowMs: Date.now(),
      ageMs: this.ageMs,
    });
    return WatchRulesetResponse.encode({ item: { $case: 'heartbeat', value } }).finish();
  }
}

/** Field 1, as the relay wraps it. */
function frameMessage({ bytes }: RawFrame): Uint8Array {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from([10, ...length]), bytes]);
}

/** Tries until it neither throws nor is false. */
export async function eventually<T>(attempt: () => T | Promise<T>, deadlineMs = 5_000): Promise<T> {
  const until = Date.now() + deadlineMs;
  for (;;) {
    try {
      const value = await attempt();
      if (value !== false) return value;
      if (Date.now() > until) throw new Error(`not within ${deadlineMs} ms`);
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
