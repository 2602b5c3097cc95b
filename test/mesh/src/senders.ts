/** Events that are sent until they are acknowledged, and what the store holds of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, silentLogger } from '@sluice/mesh';
import { openDatabase } from '@sluice/postgres';
import { type Event, EventBatch, type IngestionServiceService, LogEventsRequest, Outcome } from '@sluice/proto';
import { eventually, type RegionsMesh } from '@sluice/testkit';
import { v7 } from 'uuid';
import { set } from './lab.js';

const batchEvents = 5;
const everyMs = 20;
const timeoutMs = 1_000;
const retryMs = 50;

/** Who takes events and answers for them. */
export type EventTaker = Pick<Client<IngestionServiceService>, 'logEvents'>;

/** One caller after the other, each with a batch until it is answered for. */
export class Sender {
  readonly acked = new Set<string>();
  longestGapMs = 0;
  readonly #client: EventTaker;
  readonly #name: string;
  readonly #running: Promise<void>;
  #isOver = false;
  #lastAckMs = performance.now();

  readonly #isPatient: boolean;

  /** One that is not patient believes that what it sent has arrived: the mutant of those that wait for an answer. */
  constructor(client: EventTaker, name: string, isPatient = true) {
    this.#client = client;
    this.#name = name;
    this.#isPatient = isPatient;
    this.#running = this.#run();
  }

  /** Sends no more; what was sent is still answered for. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#send(Array.from({ length: batchEvents }, () => eventNamed(this.#name)));
      await sleep(everyMs);
    }
  }

  async #send(events: Event[]): Promise<void> {
    if (!this.#isPatient) for (const { id } of events) this.acked.add(id);
    for (;;) {
      try {
        const { outcomes } = await this.#client.logEvents(
          LogEventsRequest.fromPartial({ set, events, sentAtMs: Date.now() }),
          { timeoutMs },
        );
        const isAccepted = outcomes.every(
          ({ outcome }) => outcome === Outcome.ACCEPTED || outcome === Outcome.DUPLICATE,
        );
        if (!isAccepted) throw new Error('an event was refused');
        const nowMs = performance.now();
        this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastAckMs);
        this.#lastAckMs = nowMs;
        for (const { id } of events) this.acked.add(id);
        return;
      } catch {
        if (!this.#isPatient) return;
        // The same events again: their ids tell that they are no others.
        await sleep(retryMs);
      }
    }
  }
}

function eventNamed(name: string): Event {
  const [event] = EventBatch.fromPartial({
    events: [{ id: v7(), timeMs: Date.now(), name, user: { userId: 'ada' } }],
  }).events;
  return event as Event;
}

const storedEvents = {
  name: 'story: stored events',
  text: 'select event_id::text as id, count(*)::int as times from events.event where name = $1 group by 1',
};

export interface Balance {
  readonly lost: number;
  readonly double: number;
  readonly stored: number;
  /** From the call until everything acknowledged was there, in milliseconds. */
  readonly tookMs: number;
}

/** Reads the store until it has all that was acknowledged, or time is up. */
export async function balance(
  mesh: RegionsMesh,
  name: string,
  acked: ReadonlySet<string>,
  withinMs: number,
): Promise<Balance> {
  const database = await openDatabase({ url: mesh.databaseUrl, applicationName: 'story', logger: silentLogger });
  const startedMs = performance.now();
  const read = async () => {
    const rows = await database.query<{ id: string; times: number }>(storedEvents, [name]);
    const stored = new Map(rows.map(({ id, times }) => [id, times]));
    const lost = [...acked].filter((id) => !stored.has(id)).length;
    return { lost, double: [...stored.values()].filter((times) => times > 1).length, stored: stored.size };
  };
  try {
    await eventually(
      async () => {
        if ((await read()).lost > 0) throw new Error('not all of it is there');
      },
      { deadlineMs: withinMs, intervalMs: 100 },
    ).catch(() => undefined);
    return { ...(await read()), tookMs: performance.now() - startedMs };
  } finally {
    await database.close();
  }
}
