import assert from 'node:assert/strict';
import { userFromJson } from '@sluice/codec';
import { invalid, silentLogger, unavailable } from '@sluice/mesh';
import {
  Decision,
  DecisionError,
  type Event,
  ExposureKind,
  Kind,
  type LogEventsRequest,
  type LogEventsResponse,
  Outcome,
} from '@sluice/proto';
import type { ExposureRecord } from './exposure.js';
import { ExposureQueue } from './exposure-queue.js';
import { batchEventsMax } from './limits.js';

const shop = { project: 'shop', environment: 'production' };

function recordOf(part: Partial<ExposureRecord> = {}, decisions = 1): ExposureRecord {
  const decision = Decision.fromPartial({ kind: Kind.GATE, name: 'g', gateValue: true, ruleId: 'r', idType: 'userID' });
  return {
    set: shop,
    user: userFromJson({ userID: 'u', custom: { plan: 'pro' }, privateAttributes: { secret: 'x' } }),
    decisions: Array.from({ length: decisions }, () => decision),
    revision: 7,
    timeMs: 1_000,
    traceparent: undefined,
    ...part,
  };
}

const accept = ({ events }: LogEventsRequest): LogEventsResponse => ({
  outcomes: events.map(() => ({ outcome: Outcome.ACCEPTED, reason: '' })),
  durability: 1,
});

/** A queue with the requests that it sent. */
function queueTo(answer: (request: LogEventsRequest, at: number) => LogEventsResponse, exposuresMax = 10_000) {
  const requests: LogEventsRequest[] = [];
  const queue = new ExposureQueue({
    exposuresMax,
    logger: silentLogger,
    send: async (request) => {
      requests.push(request);
      return answer(request, requests.length);
    },
  });
  const events = (): Event[] => requests.flatMap((request) => request.events);
  return { queue, requests, events };
}

function assertBooksClose({ counters, size }: ExposureQueue): void {
  const { exposures_generated: generated, ...ends } = counters;
  assert.equal(
    Object.values(ends).reduce((sum, count) => sum + count, size),
    generated,
  );
}

describe('the exposure queue', () => {
  it('tells ingestion who saw what, without private attributes', async () => {
    const { queue, events } = queueTo(accept);
    queue.offer(recordOf());
    await queue.close(1_000);
    const [event] = events();
    assert.match(event?.id ?? '', /^[\da-f]{8}-[\da-f]{4}-7/);
    assert.equal(event?.timeMs, 1_000);
    assert.deepEqual(event?.user?.privateAttributes, {});
    assert.deepEqual(Object.keys(event?.user?.custom ?? {}), ['plan']);
    const { kind, key, gateValue, ruleId, unitId, revision } = event?.exposure ?? {};
    assert.deepEqual(
      { kind, key, gateValue, ruleId, unitId, revision },
      { kind: ExposureKind.GATE, key: 'g', gateValue: true, ruleId: 'r', unitId: 'u', revision: 7 },
    );
    assert.equal(queue.counters.exposures_accepted, 1);
    assertBooksClose(queue);
  });

  it('counts neither unknown entities nor users without the unit', async () => {
    const { queue, requests } = queueTo(accept);
    const unknown = Decision.fromPartial({ kind: Kind.GATE, error: DecisionError.FLAG_NOT_FOUND, idType: 'userID' });
    queue.offer(recordOf({ decisions: [unknown] }));
    queue.offer(recordOf({ user: userFromJson({}) }));
    await queue.close(1_000);
    assert.deepEqual(requests, []);
    assert.equal(queue.counters.exposures_generated, 0);
  });

  it('tells each parameter of a merged layer by the rule that gave it, and of stores nothing', async () => {
    const { queue, events } = queueTo(accept);
    const layer = Decision.fromPartial({
      ...{ kind: Kind.LAYER, name: 'checkout', ruleId: 'allocation', idType: 'userID' },
      ...{ allocatedExperiment: 'trial', explicitParameters: ['button'] },
      parameterRules: [
        { parameter: 'button', ruleId: 'allocation' },
        { parameter: 'size', ruleId: 'default' },
      ],
    });
    const store = Decision.fromPartial({ kind: Kind.PARAM_STORE, name: 'texts' });
    queue.offer(recordOf({ decisions: [layer, store] }));
    assert.equal(queue.counters.exposures_generated, 2);
    await queue.close(1_000);
    assert.deepEqual(
      events().map(({ exposure }) => [exposure?.parameter, exposure?.ruleId, exposure?.allocatedExperiment]),
      [
        ['button', 'allocation', 'trial'],
        ['size', 'default', ''],
      ],
    );
    assertBooksClose(queue);
  });

  it('sends batches of one set each, within the limits', async () => {
    const { queue, requests, events } = queueTo(accept);
    const other = { project: 'other', environment: 'production' };
    for (let at = 0; at < 600; at++) queue.offer(recordOf({ set: at % 2 === 0 ? shop : other }, 3));
    const large = userFromJson({ userID: 'u', custom: { text: 'x'.repeat(100_000) } });
    queue.offer(recordOf({ user: large }, 20));
    await queue.close(5_000);
    assert.equal(events().length, 1_820);
    assert.equal(new Set(events().map(({ id }) => id)).size, 1_820);
    for (const request of requests) assert(request.events.length <= batchEventsMax);
    const heavy = requests.filter(({ events: batch }) => batch.some(({ user }) => user?.custom.text));
    assert(heavy.length >= 4, `${heavy.length} batches for 2 MB`);
    assertBooksClose(queue);
  });

  it('sends the same ids again until ingestion answers', async () => {
    const { queue, requests } = queueTo((request, at) => {
      if (at < 3) throw unavailable('ingestion is away');
      return accept(request);
    });
    queue.offer(recordOf({}, 2));
    await queue.close(5_000);
    assert.equal(requests.length, 3);
    const ids = requests.map(({ events }) => events.map(({ id }) => id));
    assert.deepEqual(ids[2], ids[0]);
    assert.equal(queue.counters.exposures_accepted, 2);
    assertBooksClose(queue);
  });

  it('drops and counts what does not fit, what is refused, and what is left at the stop', async () => {
    const full = queueTo(accept, 5).queue;
    full.offer(recordOf({}, 4));
    full.offer(recordOf({}, 4));
    await full.close(1_000);
    assert.equal(full.counters.exposures_dropped_full, 4);
    assertBooksClose(full);

    const refused = queueTo(() => {
      throw invalid('events', 'no');
    }).queue;
    refused.offer(recordOf());
    await refused.close(1_000);
    assert.equal(refused.counters.exposures_dropped_refused, 1);
    assertBooksClose(refused);

    const away = queueTo(() => {
      throw unavailable('ingestion is away');
    }).queue;
    away.offer(recordOf({}, 3));
    await away.close(50);
    assert.equal(away.counters.exposures_dropped_at_stop, 3);
    assertBooksClose(away);
  });

  it('counts what ingestion rejects, and what it had already', async () => {
    const { queue } = queueTo(() => ({
      outcomes: [
        { outcome: Outcome.REJECTED, reason: 'time_ms: lies in the future' },
        { outcome: Outcome.DUPLICATE, reason: '' },
      ],
      durability: 0,
    }));
    queue.offer(recordOf({}, 2));
    await queue.close(1_000);
    assert.equal(queue.counters.exposures_rejected, 1);
    assert.equal(queue.counters.exposures_duplicate, 1);
    assertBooksClose(queue);
  });
});
