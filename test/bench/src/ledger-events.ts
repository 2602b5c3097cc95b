/** Events, requests and messages of the ledger's benchmarks. */
import { eventShards, subjectOf, subjectOn } from '@sluice/ingestion/ledger-store';
import { type Event, EventBatch, Exposure, ExposureKind, LogEventsRequest, User } from '@sluice/proto';
import { v7 } from 'uuid';

export const set = { project: 'bench', environment: 'events' };
/** Events of one message of the log. */
export const messageEvents = 1_000;

/** One event in `everyExposure` is an exposure; 0 for none. */
export function eventsOf(count: number, everyExposure: number): Event[] {
  const nowMs = Date.now();
  return Array.from({ length: count }, (_, at): Event => {
    const user = User.fromPartial({ userId: `user-${at % 50_000}`, customIds: { company: `company-${at % 997}` } });
    const plain = {
      id: v7(),
      timeMs: nowMs - (at % 60_000),
      user,
      traceparent: '',
      metadataJson: '{"plan":"pro","page":7}',
    };
    if (everyExposure > 0 && at % everyExposure === 0) {
      const shown = { kind: ExposureKind.CONFIG, key: `experiment-${at % 20}`, groupName: at % 3 ? 'test' : 'control' };
      const exposure = Exposure.fromPartial({
        ...shown,
        ruleId: 'rule',
        idType: 'userID',
        unitId: `user-${at % 50_000}`,
        revision: 9,
      });
      return { ...plain, name: 'exposure', value: undefined, exposure };
    }
    return {
      ...plain,
      name: `event-${at % 12}`,
      value: { $case: 'numberValue', value: at % 500 },
      exposure: undefined,
    };
  });
}

/** As ingestion writes them into the log. */
export function batchesOf(events: readonly Event[]): Uint8Array[] {
  const empty = { ...EventBatch.fromPartial({}), set, receivedAtMs: Date.now(), instance: 'bench', region: 'local' };
  return Array.from({ length: events.length / messageEvents }, (_, at) => {
    const part = events.slice(at * messageEvents, (at + 1) * messageEvents);
    return EventBatch.encode({ ...empty, events: part, skewsMs: part.map(() => 0) }).finish();
  });
}

export function requestOf(events: readonly Event[]): Buffer {
  return Buffer.from(LogEventsRequest.encode(LogEventsRequest.fromPartial({ set, events: [...events] })).finish());
}

const serialDigits = 12;

/** Requests that were never accepted before: copies whose ids end in numbers of their own. Cheaper than encoding each. */
export class FreshRequests {
  readonly #request: Buffer;
  readonly #places: readonly number[];
  readonly #refused: Buffer[] = [];
  #serial = 0;

  constructor(eventsCount: number) {
    const events = eventsOf(eventsCount, 0);
    this.#request = requestOf(events);
    this.#places = events.map(({ id }) => this.#request.indexOf(id) + id.length - serialDigits);
  }

  /** A request that was turned away comes again, as clients send theirs again. */
  again(request: Buffer): void {
    this.#refused.push(request);
  }

  next(): Buffer {
    const refused = this.#refused.pop();
    if (refused) return refused;
    const request = Buffer.from(this.#request);
    for (const place of this.#places) {
      request.write((this.#serial++).toString(16).padStart(serialDigits, '0'), place, 'latin1');
    }
    return request;
  }
}

/** Where the set's events of a region go, on each shard of its log. */
export function subjectsOf(region: string): string[] {
  return eventShards.map((shard) => subjectOn(shard, subjectOf(set, region)));
}
