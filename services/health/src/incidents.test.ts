import assert from 'node:assert/strict';
import { GetInstanceResponse, HealthState, ProbeKind, type ProbeResult } from '@sluice/proto';
import { type Fault, faultsOf } from './faults.js';
import { IncidentBook } from './incident-book.js';
import { regionsOf, servicesOf } from './mesh-view.js';
import { ProbeResults } from './probe-result.js';
import type { Member } from './roster.js';

const { SERVING, NOT_SERVING, UNREACHABLE, UNKNOWN } = HealthState;

function member(instance: string, region: string, state: HealthState, isListed = true): Member {
  const [service = ''] = instance.split('-');
  const verdict = { state, cause: state === SERVING ? '' : 'does not answer', sinceMs: 1 };
  return {
    service,
    instance,
    region,
    address: 'h:1',
    verdict,
    self: undefined,
    lastSets: [],
    seenAtMs: 0,
    isListed,
    hasServed: true,
  };
}

const result = (isGood: boolean): ProbeResult => ({
  ...{ kind: ProbeKind.EVALUATE, isGood, cause: isGood ? '' : 'evaluate: no answer in time' },
  ...{ latencyMs: 1, atMs: 1, sinceMs: 1 },
});

function look(members: readonly Member[], probes: ProbeResult[] = [], watchFault?: string) {
  const services = servicesOf(members);
  const regions = regionsOf(services, () => probes, new Map(), 9);
  return {
    services,
    regions,
    faults: faultsOf({ members, services, regions, slos: [], watchFault, seenFrom: 'us', nowMs: 9 }),
  };
}

const spell = ({ kind, region, subject }: Fault): string => `${kind} ${region} ${subject}`;

describe('a mesh as a whole', () => {
  it('has services that serve while one of their instances does', () => {
    const { services, regions } = look([
      member('evaluation-1', 'eu', UNREACHABLE),
      member('evaluation-2', 'eu', SERVING),
      member('config-1', 'us', NOT_SERVING),
    ]);
    assert.deepEqual(
      services.map(({ region, service, state, serving, instances }) => [region, service, state, serving, instances]),
      [
        ['eu', 'evaluation', SERVING, 1, 2],
        ['us', 'config', NOT_SERVING, 0, 1],
      ],
    );
    assert.deepEqual(
      regions.map(({ region, state }) => [region, state]),
      [
        ['eu', SERVING],
        ['us', NOT_SERVING],
      ],
    );
  });

  it('has a region that is unreachable when nothing in it answers, and unknown when nobody can tell', () => {
    const [gone] = look([member('evaluation-1', 'eu', UNREACHABLE), member('ingestion-1', 'eu', UNREACHABLE)]).regions;
    assert.equal(gone?.state, UNREACHABLE);
    const [unseen] = look([member('evaluation-1', 'eu', UNKNOWN)]).regions;
    assert.equal(unseen?.state, UNKNOWN);
  });

  it('has a region that does not serve when its evaluators do not, whatever else does', () => {
    const [region] = look([member('evaluation-1', 'eu', UNREACHABLE), member('ingestion-1', 'eu', SERVING)]).regions;
    assert.equal(region?.state, NOT_SERVING);
    assert.match(region?.cause ?? '', /evaluation: evaluation-1 does not answer/);
  });

  it('names what a probe could not do', () => {
    const { regions, faults } = look([member('evaluation-1', 'eu', SERVING)], [result(false)]);
    assert.match(regions[0]?.cause ?? '', /no answer in time/);
    assert.deepEqual(faults.map(spell), ['probe eu evaluate']);
  });

  it('keeps since when a region is as it is', () => {
    const services = servicesOf([member('evaluation-1', 'eu', SERVING)]);
    const before = new Map([['eu', { state: SERVING, sinceMs: 5 }]]);
    assert.equal(regionsOf(services, () => [], before, 9)[0]?.sinceMs, 5);
    const changed = new Map([['eu', { state: UNREACHABLE, sinceMs: 5 }]]);
    assert.equal(regionsOf(services, () => [], changed, 9)[0]?.sinceMs, 9);
  });
});

describe('faults', () => {
  it('are instances, services and regions that do not work', () => {
    const members = [member('evaluation-1', 'eu', UNREACHABLE), member('evaluation-1', 'us', SERVING)];
    assert.deepEqual(look(members).faults.map(spell), [
      'instance eu evaluation-1',
      'service eu evaluation',
      'region eu eu',
    ]);
  });

  it('are not what was stopped on purpose, nor what nobody can tell', () => {
    const members = [
      member('evaluation-1', 'eu', UNREACHABLE, false),
      member('evaluation-2', 'eu', SERVING),
      member('evaluation-3', 'eu', UNKNOWN),
    ];
    assert.deepEqual(look(members).faults, []);
  });

  it('are not what is still starting, for a while', () => {
    const members = [{ ...member('evaluation-1', 'eu', NOT_SERVING), hasServed: false }];
    const { services, regions, faults } = look(members);
    assert.deepEqual(faults, []);
    const later = { members, services, regions, slos: [], watchFault: undefined, seenFrom: 'us', nowMs: 20_000 };
    assert.deepEqual(faultsOf(later).map(spell), ['instance eu evaluation-1', 'service eu evaluation', 'region eu eu']);
  });

  it('include a watch that is broken', () => {
    const { faults } = look([member('evaluation-1', 'eu', SERVING)], [], 'connection refused');
    assert.deepEqual(faults.map(spell), ['watch us consul']);
    assert.match(faults[0]?.cause ?? '', /connection refused/);
  });
});

describe('the book of incidents', () => {
  const fault = (subject: string, cause = 'why'): Fault => ({ kind: 'instance', subject, region: 'eu', cause });

  it('begins and ends each once, and keeps the first cause', () => {
    const book = new IncidentBook();
    assert.deepEqual(
      book.update([fault('a')], 1).map(({ what }) => what),
      ['began'],
    );
    assert.deepEqual(book.update([fault('a', 'another')], 2), []);
    const [ended] = book.update([], 3);
    assert.deepEqual([ended?.what, ended?.incident.startedAtMs, ended?.incident.endedAtMs], ['ended', 1, 3]);
    assert.equal(book.list()[0]?.cause, 'why');
    book.update([fault('a')], 4);
    assert.deepEqual(
      book.list().map(({ startedAtMs, endedAtMs }) => [startedAtMs, endedAtMs]),
      [
        [4, undefined],
        [1, 3],
      ],
    );
  });

  it('goes on after a restart with what went on before it', () => {
    const book = new IncidentBook();
    book.update([fault('a'), fault('b')], 1);
    const again = new IncidentBook(JSON.parse(JSON.stringify(book.list().toReversed())));
    const changes = again.update([fault('a')], 5);
    assert.deepEqual(
      changes.map(({ incident, what }) => [incident.subject, what]),
      [['b', 'ended']],
    );
  });

  it('forgets the oldest that ended, and never one that goes on', () => {
    const book = new IncidentBook();
    book.update([fault('first')], 0);
    for (let at = 1; at <= 1_500; at++) {
      book.update([fault('first'), fault(`f${at}`)], at);
      book.update([fault('first')], at);
    }
    const list = book.list();
    assert.equal(list.length, 1_000);
    assert.equal(list.at(-1)?.subject, 'first');
    assert.equal(new Set(list.map(({ id }) => id)).size, 1_000);
  });
});

describe('results of probes', () => {
  it('say since when, and forget regions that are no more', () => {
    const results = new ProbeResults();
    const put = (isGood: boolean, atMs: number) =>
      results.put('eu', ProbeKind.EVALUATE, { isGood, cause: '', latencyMs: 1, atMs }).result.sinceMs;
    assert.deepEqual([put(true, 1), put(true, 2), put(false, 3), put(false, 4), put(true, 5)], [1, 1, 3, 3, 5]);
    results.keep(new Set(['us']));
    assert.deepEqual(results.of('eu'), []);
  });
});

describe('what instances have to do without', () => {
  it('is named once for each region, with those who miss it, also while all of them serve', () => {
    const without = (instance: string, region: string, missing: Record<string, string>): Member => {
      const known = member(instance, region, SERVING);
      return { ...known, self: { ...GetInstanceResponse.fromPartial({}), missing } };
    };
    const { faults } = look([
      without('evaluation-1', 'us', { nats: 'not connected' }),
      without('ingestion-1', 'us', { nats: 'not connected' }),
      without('evaluation-2', 'eu', {}),
    ]);
    assert.deepEqual(faults, [
      {
        ...{ kind: 'dependency', subject: 'nats', region: 'us' },
        cause: 'evaluation-1: not connected; ingestion-1: not connected',
      },
    ]);
  });
});
