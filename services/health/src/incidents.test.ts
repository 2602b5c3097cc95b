import assert from 'node:assert/strict';
import { GetInstanceResponse, HealthState, ProbeKind } from '@sluice/proto';
import { doubtOf } from './doubt.js';
import { type Fault, faultsOf, type Sight } from './faults.js';
import { IncidentBook } from './incident-book.js';
import { regionsOf, servicesOf } from './mesh-view.js';
import { ProbeResults } from './probe-result.js';
import type { Member } from './roster.js';
import { SloBook } from './slo-book.js';
import { member, probe, see } from './test/sights.js';

const { SERVING, NOT_SERVING, UNREACHABLE, UNKNOWN } = HealthState;

const look = (...seen: Parameters<typeof see>) => {
  const sight = see(...seen);
  return { ...sight, faults: faultsOf(sight) };
};

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

  it('has a region that does not serve when evaluations fail again, though its evaluators say that they serve', () => {
    const regionWith = (...probes: Parameters<typeof see>[1] & object) =>
      see([member('evaluation-1', 'eu')], probes).regions[0];
    assert.equal(regionWith(probe(false, { atMs: 5, sinceMs: 5 }))?.state, SERVING);
    const failing = regionWith(probe(false, { atMs: 6, sinceMs: 5 }));
    assert.deepEqual([failing?.state, failing?.cause], [NOT_SERVING, 'evaluate: no answer in time']);
    assert.equal(regionWith(probe(false, { kind: ProbeKind.INGEST, atMs: 6, sinceMs: 5 }))?.state, SERVING);
  });

  it('names what a probe could not do', () => {
    const { regions, faults } = look([member('evaluation-1', 'eu', SERVING)], [probe(false)]);
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
      member('evaluation-1', 'eu', UNREACHABLE, { isListed: false }),
      member('evaluation-2', 'eu', SERVING),
      member('evaluation-3', 'eu', UNKNOWN),
    ];
    assert.deepEqual(look(members).faults, []);
  });

  it('are those that crashed, also after Consul gave them up', () => {
    const crashed = member('evaluation-1', 'eu', UNREACHABLE, { isListed: false, hasCrashed: true });
    assert.deepEqual(look([crashed, member('evaluation-2', 'eu')]).faults.map(spell), ['instance eu evaluation-1']);
  });

  it('are not what is still starting, for a while', () => {
    const members = [{ ...member('evaluation-1', 'eu', NOT_SERVING), hasServed: false }];
    assert.deepEqual(look(members).faults, []);
    assert.deepEqual(look(members, [], { nowMs: 20_000 }).faults.map(spell), [
      'instance eu evaluation-1',
      'service eu evaluation',
      'region eu eu',
    ]);
  });

  it('include an objective whose budget burns too fast, once, by its worst alert', () => {
    const book = new SloBook();
    for (let atMs = 0; atMs < 300_000; atMs += 1_000)
      book.count({ region: 'eu', result: probe(false, { atMs, latencyMs: 1 }) });
    const { faults } = look([member('evaluation-1', 'eu')], [], { slos: book.read(300_000) });
    assert.deepEqual(faults.map(spell), ['slo eu availability', 'slo eu latency']);
    assert.match(faults[0]?.cause ?? '', /^page: the budget burns \d+\.\d× too fast \(from 14\.4×\)$/);
  });

  it('include a watch that is broken', () => {
    const { faults } = look([member('evaluation-1', 'eu', SERVING)], [], { watchFault: 'connection refused' });
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

describe('an incident whose fault is not seen', () => {
  /** What becomes of an incident about `fault` under this sight: its note, or that it ended. */
  const next = (part: Partial<Fault>, sight: Sight): string => {
    const book = new IncidentBook();
    book.update([{ kind: 'instance', subject: 'evaluation-1', region: 'eu', cause: 'why', ...part }], 1);
    book.update(faultsOf(sight), 2, (incident) => doubtOf(incident, sight));
    const incident = book.list().at(-1);
    return incident?.endedAtMs === undefined ? (incident?.note ?? '') : 'ended';
  };
  const peer = member('ingestion-1', 'eu');
  const fresh = { isSettled: false, isWatchAsked: false };
  const unseen = /^not seen since the health service started$/;

  it('is over when its subject was seen to be well', () => {
    assert.equal(next({}, see([member('evaluation-1', 'eu')])), 'ended');
    assert.equal(next({}, see([member('evaluation-1', 'eu')], [], fresh)), 'ended');
    assert.equal(next({ kind: 'region', subject: 'eu' }, see([member('evaluation-1', 'eu')])), 'ended');
    assert.equal(next({ kind: 'service', subject: 'ingestion' }, see([peer])), 'ended');
    assert.equal(next({ kind: 'probe', subject: 'evaluate' }, see([peer], [probe(true)])), 'ended');
    assert.equal(next({ kind: 'dependency', subject: 'nats' }, see([peer])), 'ended');
    assert.equal(next({ kind: 'watch', subject: 'consul', region: 'us' }, see([])), 'ended');
  });

  it('is over when its subject was stopped on purpose', () => {
    assert.equal(next({}, see([member('evaluation-1', 'eu', UNREACHABLE, { isListed: false }), peer])), 'ended');
    assert.equal(next({}, see([peer])), 'ended');
  });

  it('goes on while nobody can tell, and says so', () => {
    const unknown = see([member('evaluation-1', 'eu', UNKNOWN)]);
    assert.equal(next({}, unknown), 'does not answer');
    assert.match(next({ kind: 'service', subject: 'evaluation' }, unknown), /evaluation-1 does not answer/);
    assert.match(next({ kind: 'region', subject: 'eu' }, unknown), /none of its 1 services serves/);
    assert.equal(next({ kind: 'dependency', subject: 'nats' }, unknown), 'no instance of the region answers');
  });

  it('goes on through a restart of the health service until its subject was looked at', () => {
    const faults: Partial<Fault>[] = [
      {},
      { kind: 'service', subject: 'evaluation' },
      { kind: 'region', subject: 'eu' },
      { kind: 'probe', subject: 'evaluate' },
      { kind: 'dependency', subject: 'nats' },
      { kind: 'watch', subject: 'consul', region: 'us' },
    ];
    for (const fault of faults) assert.match(next(fault, see([], [], fresh)), unseen);
    const half = see([peer, member('evaluation-1', 'eu', UNKNOWN)], [], fresh);
    assert.match(next({ kind: 'dependency', subject: 'nats' }, half), unseen);
  });

  it('is what its books say when it is about an objective', () => {
    assert.equal(next({ kind: 'slo', subject: 'availability' }, see([], [], fresh)), 'ended');
  });

  it('has no note any more once its fault is seen again', () => {
    const book = new IncidentBook();
    const fault: Fault = { kind: 'instance', subject: 'a', region: 'eu', cause: 'why' };
    book.update([fault], 1);
    assert.deepEqual(
      book.update([], 2, () => 'who knows'),
      [],
    );
    book.update([fault], 3);
    assert.deepEqual([book.list()[0]?.note, book.list()[0]?.startedAtMs], ['', 1]);
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
