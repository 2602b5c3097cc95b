import assert from 'node:assert/strict';
import { createClient, SluiceError } from '@sluice/mesh';
import {
  EvaluationServiceService,
  HealthState,
  type HeldSet,
  IngestionServiceService,
  LedgerServiceService,
  RulesetServiceService,
  type SetState,
} from '@sluice/proto';
import { Canaries } from './canaries.js';
import { EvaluateProbe } from './evaluate-probe.js';
import { probeNames } from './faults.js';
import { IngestProbe } from './ingest-probe.js';
import { ProbeResults, type RegionProbe } from './probe-result.js';
import { RegionClients } from './region-clients.js';
import { RevisionProbe } from './revision-probe.js';
import type { Member } from './roster.js';
import { canary, type FakeRegion, meshKey as key, startFakeRegion } from './test/fake-region.js';

const set = { ref: canary, isMade: () => Promise.resolve(true), found: () => undefined };
const state = (revision: number, committedAtMs = 0, project = 'sluice'): SetState => ({
  ...{ set: { ...canary, project }, revision, stateHash: Buffer.alloc(0), committedAtMs },
  lineage: undefined,
});
const held = (revision: number): HeldSet => ({ ...state(revision), ageMs: 0 });

describe('synthetic probes', () => {
  let region: FakeRegion;
  let members: Member[];
  let nowMs: number;
  let closing: AbortController;
  const clock = { now: () => nowMs };
  const releases: { close(): void }[] = [];

  const evaluators = () => {
    const clients = new RegionClients(
      'evaluation',
      () => members,
      (target) => createClient(EvaluationServiceService, { target, key }),
    );
    releases.push(clients);
    return clients;
  };
  const config = () => {
    const client = createClient(RulesetServiceService, { target: `static:///${region.server.address}`, key });
    releases.push(client);
    return client;
  };

  beforeEach(async () => {
    nowMs = 100_000;
    closing = new AbortController();
    region = await startFakeRegion();
    members = [region.member('evaluation-1', 'eu'), region.member('ingestion-1', 'eu')];
  });

  afterEach(async () => {
    closing.abort();
    for (const one of releases.splice(0)) one.close();
    await region.server.stop(0);
  });

  describe('of evaluations', () => {
    const probe = () => new EvaluateProbe({ set, evaluators: evaluators(), clock });

    it('are good when the gate answers as it must', async () => {
      const evaluate = probe();
      assert.equal(await evaluate.look('eu'), '');
      region.does.evaluate = () => ({ gateValue: false, revision: 1 });
      assert.equal(await evaluate.look('eu'), 'evaluate: the canary gate answers false');
    });

    it('say nothing where nobody is, and are bad where nobody is left in Consul', async () => {
      assert.equal(await probe().look('us'), undefined);
      members = members.map((one) => ({ ...one, isListed: false, hasCrashed: true }));
      assert.equal(await probe().look('eu'), 'evaluate: no evaluator is in Consul');
    });

    it('go to those that serve, as clients do', async () => {
      const sick = { address: '127.0.0.1:1', verdict: { state: HealthState.UNREACHABLE, cause: '', sinceMs: 0 } };
      members = [region.member('evaluation-1', 'eu'), region.member('evaluation-2', 'eu', sick)];
      const evaluate = probe();
      for (let i = 0; i < 5; i++) assert.equal(await evaluate.look('eu'), '');
    });

    it('give a new canary set the time to arrive', async () => {
      const evaluate = probe();
      region.does.evaluate = () => {
        throw new SluiceError('not_found', 'There is no set sluice/canary.');
      };
      assert.equal(await evaluate.look('eu'), undefined);
      nowMs += 10_000;
      await assert.rejects(evaluate.look('eu'), /no set/);
    });
  });

  describe('of events', () => {
    const probe = (countedWithinMs = 5_000) => {
      const clients = <Definition>(make: ConstructorParameters<typeof RegionClients<Definition>>[2]) => {
        const made = new RegionClients('ingestion', () => members, make);
        releases.push(made);
        return made;
      };
      return new IngestProbe({
        ...{ set, instance: 'health-1', homeRegion: 'us', clock, signal: closing.signal, countedWithinMs },
        ingesters: clients((target) => createClient(IngestionServiceService, { target, key })),
        ledgers: clients((target) => createClient(LedgerServiceService, { target, key })),
      });
    };
    const home = () => members.push(region.member('ingestion-2', 'us'));

    it('are good when the store has this event, and not when it has the one before', async () => {
      home();
      const ingest = probe(300);
      assert.equal(await ingest.look('eu'), '');
      region.does.countsUpTo = 0;
      assert.equal(await ingest.look('eu'), 'ingest: accepted, but not counted within 0.3 s');
      // The event that was late arrives; that of the next round does not.
      region.does.countsUpTo = region.does.accepted.at(-1) ?? 0;
      assert.equal(await ingest.look('eu'), 'ingest: accepted, but not counted within 0.3 s');
      region.does.countsUpTo = Number.POSITIVE_INFINITY;
      assert.equal(await ingest.look('eu'), '');
      assert.equal(new Set(region.does.accepted).size, 4);
    });

    it('say which half fails: the region, or home', async () => {
      home();
      const ingest = probe(300);
      region.does.refusal = 'the spool is full';
      assert.equal(await ingest.look('eu'), 'ingest: not accepted: the spool is full');
      region.does.refusal = '';
      region.does.countsUpTo = undefined;
      assert.match(
        (await ingest.look('eu')) ?? '',
        /^ingest: accepted, but not counted.*; the store at us can't be asked/,
      );
      members.pop();
      assert.match((await ingest.look('eu')) ?? '', /\(no ingestion is in Consul there\)$/);
      assert.equal(region.does.accepted.length, 2);
    });

    it('wait for a home that has not started yet', async () => {
      assert.equal(await probe().look('eu'), undefined);
      assert.deepEqual(region.does.accepted, []);
    });
  });

  describe('of revisions', () => {
    const probe = (hasReached = true) =>
      new RevisionProbe({
        ...{ set, clock, config: config(), evaluators: evaluators(), members: () => members },
        hasReached: () => hasReached,
      });

    it('read what config says is newest, and have it evaluated', async () => {
      const asked: number[] = [];
      region.does.newest = [state(7, nowMs)];
      region.does.evaluate = ({ minRevision }) => {
        asked.push(minRevision);
        return { gateValue: true, revision: minRevision };
      };
      assert.equal(await probe().look('eu'), '');
      assert.deepEqual([region.does.asked, asked], [1, [7]]);
      region.does.evaluate = () => ({ gateValue: true, revision: 6 });
      assert.match((await probe().look('eu')) ?? '', /^revision: an evaluation came from an older revision/);
      assert.equal(await probe(false).look('eu'), '');
    });

    it('ask config once for all regions', async () => {
      const revision = probe();
      members.push(region.member('evaluation-2', 'us'));
      assert.deepEqual(await Promise.all([revision.look('eu'), revision.look('us')]), ['', '']);
      assert.equal(region.does.asked, 1);
    });

    it('are bad when config is silent', async () => {
      const revision = new RevisionProbe({
        ...{ set, clock, evaluators: evaluators(), members: () => members, hasReached: () => true },
        config: { listSets: () => Promise.reject(new SluiceError('unavailable', 'connection refused')) },
      });
      assert.match((await revision.look('eu')) ?? '', /^revision: config can't be asked: connection refused/);
    });

    it('name the evaluator that lacks something for too long, and no project', async () => {
      region.does.newest = [state(7, nowMs - 4_000), state(3, nowMs - 90_000, 'shop')];
      members = [region.member('evaluation-1', 'eu', { lastSets: [held(6)] })];
      const revision = probe(false);
      assert.equal(await revision.look('eu'), 'revision: evaluation-1 lacks the newest revision of a set, for 90 s');
      nowMs += 4_000;
      assert.equal(
        await probe(false).look('eu'),
        'revision: evaluation-1 lacks the newest revision of 2 sets, for 94 s',
      );
    });
  });

  it('are repeated in every region from its first instance that ever served on, and reported', async () => {
    members = [
      region.member('evaluation-1', 'eu'),
      region.member('ingestion-1', 'eu'),
      region.member('evaluation-1', 'us', { hasServed: false }),
    ];
    const { promise: told, resolve } = Promise.withResolvers<void>();
    const probes: RegionProbe[] = [];
    const results = new ProbeResults();
    const canaries = new Canaries({
      ...{ meshKey: key, instance: 'health-1', homeRegion: 'eu', members: () => members, set, config: config() },
      ...{ results, clock },
      onResult: (probe) => {
        probes.push(probe);
        if (new Set(probes.map(({ result }) => result.kind)).size === 3) resolve();
      },
    });
    const stop = canaries.start();
    try {
      await told;
      assert.deepEqual(
        results.all().map((one) => [one.region, probeNames[one.result.kind], one.result.isGood]),
        [
          ['eu', 'evaluate', true],
          ['eu', 'ingest', true],
          ['eu', 'revision', true],
        ],
      );
    } finally {
      await stop();
    }
  });
});
