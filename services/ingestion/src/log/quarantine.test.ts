import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forbidden, silentLogger, systemClock, unavailable } from '@sluice/mesh';
import { Durability, KeyClass, type KeyGrant } from '@sluice/proto';
import { createCounters } from '../counters.js';
import { createIsAway, createVerify } from '../keys.js';
import { eventOf, testNowMs } from '../test/events.js';
import { logEvent } from '../wire/sent-event.js';
import type { Append } from './event-log.js';
import { openQuarantine, type QuarantineOptions } from './quarantine.js';

const set = { project: 'shop', environment: 'production' };
const grant: KeyGrant = { ...set, keyClass: KeyClass.SERVER, canWrite: false, label: '' };
const request = {
  set: undefined,
  events: [eventOf(), eventOf()].map(logEvent),
  receivedAtMs: testNowMs,
  skewMs: 5,
  receipt: undefined,
};

describe('the quarantine', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-quarantine-'));
  });

  afterEach(() => rm(directory, { recursive: true }));

  async function trial(part: Partial<QuarantineOptions> = {}) {
    const appended: Append[] = [];
    const counters = createCounters();
    const { promise: settled, resolve } = Promise.withResolvers<void>();
    const quarantine = await openQuarantine({
      ...{ directory, bytesMax: 1024 * 1024, ageMaxMs: 60_000, logger: silentLogger, clock: systemClock },
      counters: {
        add: (name, count) => {
          counters.add(name, count);
          resolve();
        },
      },
      verifier: { verify: async () => grant },
      requireSet: async ({ project, environment }) => ({ project, environment }),
      append: async (append) => {
        appended.push(append);
        return { wereHeld: append.events.map((_, at) => at === 0), durability: Durability.QUORUM };
      },
      ...part,
    });
    return { quarantine, appended, counters, settled };
  }

  it('hands events on once the key is known, to the set that the key names', async () => {
    const { quarantine, appended, counters, settled } = await trial();
    await quarantine.add('digest', request);
    await settled;
    const { receiptOf: _, ...given } = appended[0] ?? {};
    const { receipt: __, ...kept } = request;
    assert.deepEqual(given, { ...kept, set, traceparent: undefined });
    const { events_accepted: accepted, events_duplicate: duplicate } = counters.read();
    assert.deepEqual([accepted, duplicate], [1, 1]);
    await quarantine.close();
  });

  it('gives up what nobody holds the key of, or the key does not reach', async () => {
    const refusals: Partial<QuarantineOptions>[] = [
      { verifier: { verify: async () => undefined } },
      { requireSet: () => Promise.reject(forbidden('not yours')) },
      { verifier: { verify: async () => ({ ...grant, keyClass: KeyClass.CONSOLE }) } },
    ];
    for (const refusal of refusals) {
      const { quarantine, appended, counters, settled } = await trial(refusal);
      await quarantine.add('digest', request);
      await settled;
      assert.deepEqual([appended.length, counters.read().events_unverified_refused], [0, 2]);
      await quarantine.close();
    }
  });

  it('keeps events while nobody can tell, also for the next process', async () => {
    const first = await trial({ verifier: { verify: () => Promise.reject(unavailable('config is away')) } });
    await first.quarantine.add('digest', request);
    assert.equal(first.quarantine.state().events, 2);
    await first.quarantine.close();
    const second = await trial();
    await second.settled;
    assert.equal(second.appended[0]?.events.length, 2);
    await second.quarantine.close();
  });

  it('takes no more than its share of the disk', async () => {
    const { quarantine } = await trial({
      bytesMax: 100,
      verifier: { verify: () => Promise.reject(unavailable('config is away')) },
    });
    await assert.rejects(quarantine.add('digest', request), { kind: 'exhausted' });
    await quarantine.close();
  });
});

describe('the word of config on a key', () => {
  const state = { set, revision: 7, stateHash: Buffer.alloc(0), committedAtMs: 0 };
  const authority = { listSets: async () => [state] };
  const holding = (revision: number, found?: KeyGrant) => ({ findGrant: () => found, get: () => ({ revision }) });

  it('is that there is none, once all rulesets are here', async () => {
    assert.equal(await createVerify(holding(7), authority, () => undefined)('digest'), undefined);
    assert.equal(await createVerify(holding(7, grant), authority, () => undefined)('digest'), grant);
  });

  it('is waited for while rulesets are on their way, and while config is away', async () => {
    let hurried = 0;
    const hurry = (): void => void hurried++;
    await assert.rejects(createVerify(holding(6), authority, hurry)('digest'), { kind: 'unavailable' });
    assert.equal(hurried, 1);
    const away = { listSets: () => Promise.reject(unavailable('away')) };
    await assert.rejects(createVerify(holding(7), away, hurry)('digest'), { kind: 'unavailable' });
  });

  it('is asked for once in a while, however many keys are invented', async () => {
    let asked = 0;
    let nowMs = 10_000;
    const away = { listSets: () => Promise.reject(unavailable(`${++asked}`)) };
    const isAway = createIsAway(away, { now: () => nowMs });
    assert.deepEqual(await Promise.all([isAway(), isAway(), isAway()]), [true, true, true]);
    assert.equal(asked, 1);
    nowMs += 3_000;
    await isAway();
    assert.equal(asked, 2);
  });
});
