/** Open-loop load on ingestion: batches leave by the clock, whether or not the ones before were answered. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient } from '@sluice/mesh';
import { type Event, ExposureKind, IngestionServiceService, Outcome } from '@sluice/proto';
import { v7 } from 'uuid';
import { eventOf, set } from './ingestion-room.js';
import type { LedgerBook } from './ledger-book.js';
import { randomFrom } from './ledger-faults.js';

export interface LoadOptions {
  /** One target for each instance of ingestion. */
  readonly targets: readonly string[];
  readonly key: string;
  readonly book: LedgerBook;
  readonly batchesPerSecond: number;
  readonly eventsPerBatch: number;
  readonly seed: number;
}

export const eventName = 'drill';
export const gateName = 'drill-gate';

interface Source {
  readonly sourceId: string;
  readonly sequence: number;
}

const attemptTimeoutMs = 2_000;
const longestWaitMs = 500;
/** Above this the clock's batches are not sent at all: the machine is at its end, not the mesh. */
const underwayMax = 2_000;
/** One in so many acknowledged batches is sent again, mixed with another. */
const repeatEvery = 8;

export class LedgerLoad {
  /** Batches carry it with the number of their first event, so that the books can say what never came. */
  readonly sourceId = v7();
  sent = 0;
  acked = 0;
  rejected = 0;
  retries = 0;
  repeats = 0;
  skipped = 0;
  readonly latenciesMs: number[] = [];
  readonly #options: LoadOptions;
  readonly #clients: Client<typeof IngestionServiceService>[];
  readonly #random: () => number;
  readonly #underway = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #isGivenUp = false;
  #held: readonly Event[] | undefined;
  #ackedBatches = 0;
  #lastAckMs = performance.now();
  #longestGapMs = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#random = randomFrom(options.seed);
    this.#clients = options.targets.map((target) =>
      createClient(IngestionServiceService, { target, key: options.key }),
    );
  }

  start(): void {
    const startedMs = performance.now();
    this.#lastAckMs = startedMs;
    let batches = 0;
    const everyMs = 1_000 / this.#options.batchesPerSecond;
    // A late timer makes up for what it missed: the schedule is the clock's.
    this.#timer = setInterval(() => {
      for (; startedMs + batches * everyMs <= performance.now(); batches++)
        this.#dispatch(startedMs + batches * everyMs);
    }, 5);
  }

  /** No new batches; those that left are tried until they are answered. @returns whether all were in time. */
  async stop(withinMs: number): Promise<boolean> {
    clearInterval(this.#timer);
    const late = delay(withinMs, 'late' as const, { ref: false });
    const settled = (async () => {
      while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
      return 'settled' as const;
    })();
    const isSettled = (await Promise.race([settled, late])) === 'settled';
    this.#isGivenUp = true;
    if (!isSettled) await settled;
    for (const client of this.#clients) client.close();
    return isSettled;
  }

  get longestGapMs(): number {
    return this.#longestGapMs;
  }

  #dispatch(intendedMs: number): void {
    if (this.#underway.size >= underwayMax) {
      this.skipped++;
      return;
    }
    const events = Array.from({ length: this.#options.eventsPerBatch }, (_, at) => this.#makeEvent(at));
    const source = { sourceId: this.sourceId, sequence: this.sent + 1 };
    this.sent += events.length;
    const work = this.#deliver(events, source, intendedMs).finally(() => this.#underway.delete(work));
    this.#underway.add(work);
  }

  /** Every fourth is an exposure, of a unit of its own. */
  #makeEvent(at: number): Event {
    const id = v7();
    const user = { ...emptyUser, userId: id };
    if (at % 4 !== 0) return eventOf({ id, name: eventName, user, value: { $case: 'numberValue', value: 1 } });
    const exposure = {
      ...{ kind: ExposureKind.GATE, key: gateName, gateValue: true, ruleId: 'everyone', groupName: '', revision: 1 },
      ...{ idType: 'userID', unitId: id, version: 1, parameter: '', allocatedExperiment: '' },
    };
    return eventOf({ id, name: 'exposure', user, exposure });
  }

  /** The same events, with the same ids, at one instance after the other, until they are answered for. */
  async #deliver(events: Event[], source: Source, intendedMs: number): Promise<void> {
    for (let attempt = Math.floor(this.#random() * 100); !this.#isGivenUp; attempt++) {
      const outcomes = await this.#send(events, attempt, source);
      if (!outcomes) {
        this.retries++;
        await delay(50 + this.#random() * longestWaitMs);
        continue;
      }
      this.rejected += outcomes.filter(({ outcome }) => outcome === Outcome.REJECTED).length;
      const taken = events.filter((_, at) => outcomes[at]?.outcome !== Outcome.REJECTED);
      await this.#options.book.note(taken.map(({ id }) => id));
      this.#noteAck(taken.length, intendedMs);
      await this.#repeat(events, attempt + 1);
      return;
    }
  }

  #noteAck(count: number, intendedMs: number): void {
    const nowMs = performance.now();
    this.acked += count;
    this.latenciesMs.push(nowMs - intendedMs);
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastAckMs);
    this.#lastAckMs = nowMs;
  }

  /** As a client does whose answer was lost and who has other events by then: the log can't see it, the store must. */
  async #repeat(events: readonly Event[], attempt: number): Promise<void> {
    if (++this.#ackedBatches % repeatEvery !== 0) return;
    const held = this.#held;
    this.#held = held ? undefined : events;
    if (!held) return;
    this.repeats++;
    const half = events.length >> 1;
    await this.#send([...held.slice(half), ...events.slice(0, half)], attempt);
  }

  async #send(events: Event[], attempt: number, source?: Source) {
    const client = this.#clients[attempt % this.#clients.length];
    try {
      const answer = await client?.logEvents(
        { set, events, ...source, sentAtMs: Date.now() },
        { timeoutMs: attemptTimeoutMs },
      );
      return answer?.outcomes;
    } catch {
      return undefined;
    }
  }
}

const emptyUser = {
  ...{ userId: undefined, customIds: {}, email: undefined, ip: undefined, userAgent: undefined, country: undefined },
  ...{ locale: undefined, appVersion: undefined, custom: {}, privateAttributes: {}, environment: {} },
};
