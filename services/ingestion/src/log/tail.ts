/**
 * Events as this region's ingestion hands them to its log, for whoever watches. Listening begins with the first watcher and ends
 * with the last: without any it costs nothing. Nothing waits for a watcher: what does not fit into
 * its buffer is left out and counted.
 */
import type { Bus, BusMessage } from '@sluice/bus';
import { type Call, covers, exhausted, type Principal, requireKind, requireSet } from '@sluice/mesh';
import {
  type Event,
  EventBatch,
  type SetRef,
  type TailEventsRequest,
  type TailEventsResponse,
  type TailedEvent,
} from '@sluice/proto';
import { eventShards, subjectsIn } from './shards.js';

export interface Tails {
  /** Calls back for each batch of the log; the returned function ends that. @throws SluiceError `exhausted` when too many watch. */
  watch(onBatch: (batch: EventBatch) => void): () => void;
}

const watchersMax = 50;

export function createTails(bus: Pick<Bus, 'subscribe'>, region: string): Tails {
  const watchers = new Set<(batch: EventBatch) => void>();
  let releases: (() => unknown)[] = [];
  const onMessage = ({ data }: BusMessage): void => {
    const batch = readBatch(data);
    if (batch === undefined) return;
    for (const watcher of watchers) watcher(batch);
  };
  return {
    watch: (onBatch) => {
      if (watchers.size >= watchersMax) {
        throw exhausted(`${watchersMax} watch already; end one of those, or watch elsewhere.`, 10_000);
      }
      // A function of its own for each: the same may watch twice.
      const watcher = (batch: EventBatch): void => onBatch(batch);
      watchers.add(watcher);
      if (watchers.size === 1) {
        releases = eventShards.map((shard) => bus.subscribe(subjectsIn(shard, region), onMessage));
      }
      return () => {
        if (!watchers.delete(watcher) || watchers.size > 0) return;
        for (const release of releases) release();
        releases = [];
      };
    },
  };
}

/** Undefined for what the writer will bury. */
function readBatch(data: Uint8Array): EventBatch | undefined {
  try {
    return EventBatch.decode(data);
  } catch {
    return undefined;
  }
}

/** Events that wait for one watcher. */
export const bufferMax = 1_000;
/** Events of one message to it. */
const answerMax = 200;

/** Which events a watcher wants. */
export interface Wish {
  reaches(set: SetRef): boolean;
  readonly name: string;
  readonly unitId: string;
}

/** @throws SluiceError when the key does not reach the set. */
export function wishOf({ set: asked, name, unitId }: TailEventsRequest, principal: Principal): Wish {
  requireKind(principal, 'console', 'server');
  const isOneSet = asked !== undefined || (principal.project !== '' && principal.environment !== '');
  if (!isOneSet) return { reaches: (set) => covers(principal, set), name, unitId };
  const { project, environment } = requireSet(principal, asked);
  return { reaches: (set) => set.project === project && set.environment === environment, name, unitId };
}

/** The batch's events that are wished for. */
export function wished(batch: EventBatch, wish: Wish): TailedEvent[] {
  const { set, receivedAtMs, instance, region } = batch;
  if (!set || !wish.reaches(set)) return [];
  return batch.events
    .filter((event) => (wish.name === '' || event.name === wish.name) && isOfUnit(event, wish.unitId))
    .map((event) => ({ set, event, receivedAtMs, instance, region }));
}

function isOfUnit({ user, exposure }: Event, unitId: string): boolean {
  if (unitId === '' || user?.userId === unitId || exposure?.unitId === unitId) return true;
  return user !== undefined && Object.values(user.customIds).includes(unitId);
}

/** Events that wait for one watcher, the first of them first; those that don't fit are counted. */
export class TailBuffer {
  #events: TailedEvent[] = [];
  #skipped = 0;
  #wake: (() => void) | undefined;

  add(events: readonly TailedEvent[]): void {
    const room = Math.max(bufferMax - this.#events.length, 0);
    this.#events.push(...events.slice(0, room));
    this.#skipped += Math.max(events.length - room, 0);
    if (events.length > 0) this.#wake?.();
  }

  take(): TailEventsResponse | undefined {
    if (this.#events.length === 0 && this.#skipped === 0) return undefined;
    const events = this.#events.splice(0, answerMax);
    // Told once all that came before has been.
    const skipped = this.#events.length === 0 ? this.#skipped : 0;
    if (skipped > 0) this.#skipped = 0;
    return { events, skipped };
  }

  /** Resolves once something is there, or the signal says stop. */
  filled(signal: AbortSignal): Promise<void> {
    if (this.#events.length > 0 || this.#skipped > 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wake = undefined;
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

/** One watcher, until it or the server goes. */
export async function* tailEvents(
  tails: Tails,
  request: TailEventsRequest,
  call: Call,
): AsyncGenerator<TailEventsResponse> {
  const wish = wishOf(request, call.principal);
  const buffer = new TailBuffer();
  const unwatch = tails.watch((batch) => buffer.add(wished(batch, wish)));
  try {
    yield { events: [], skipped: 0 };
    while (!call.signal.aborted) {
      await buffer.filled(call.signal);
      for (let answer = buffer.take(); answer && !call.signal.aborted; answer = buffer.take()) yield answer;
    }
  } finally {
    unwatch();
  }
}
