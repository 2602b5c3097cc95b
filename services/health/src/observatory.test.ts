import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@sluice/mesh';
import { HealthState, type Incident, ProbeKind } from '@sluice/proto';
import type { IncidentChange } from './incident-book.js';
import { Observatory } from './observatory.js';
import { ProbeResults } from './probe-result.js';
import type { Member } from './roster.js';
import type { SavedBook } from './slo-book.js';
import { StateFile } from './state-file.js';
import { member } from './test/sights.js';

const { SERVING, UNREACHABLE, UNKNOWN } = HealthState;
const judgedWithin = { signal: AbortSignal.timeout(30_000) };

describe('the observatory', () => {
  let folder: string;
  let members: Member[];
  let nowMs: number;
  let told: IncidentChange[];
  let results: ProbeResults;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-observatory-'));
    members = [];
    nowMs = 100_000;
    told = [];
    results = new ProbeResults();
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  /** What an observatory that starts now does, until `work` is done; then it stops as on a restart. */
  async function during(work: (observatory: Observatory) => Promise<void> | void): Promise<void> {
    const observatory = new Observatory({
      members: () => members,
      results,
      watchFault: () => undefined,
      isWatchAsked: () => true,
      seenFrom: 'us',
      clock: { now: () => nowMs },
      logger: silentLogger,
      sloFile: new StateFile<SavedBook>(join(folder, 'slo.json'), silentLogger),
      incidentFile: new StateFile<readonly Incident[]>(join(folder, 'incidents.json'), silentLogger),
      onChange: (changes) => told.push(...changes),
    });
    const stop = await observatory.start();
    try {
      await work(observatory);
    } finally {
      await stop();
    }
  }

  const spell = ({ what, incident }: IncidentChange): string => `${incident.kind} ${incident.subject} ${what}`;
  /** A look at the mesh as `now` says it is. */
  const look = async (observatory: Observatory, ...now: Member[]): Promise<void> => {
    members = now;
    await observatory.changed(judgedWithin.signal);
  };

  it('keeps an incident open over a restart, until its subject was looked at', async () => {
    members = [member('evaluation-1', 'eu', UNREACHABLE), member('evaluation-2', 'eu')];
    await during(() => undefined);
    assert.deepEqual(told.map(spell), ['instance evaluation-1 began']);
    told = [];
    members = [];
    await during(async (observatory) => {
      assert.match(observatory.incidents()[0]?.note ?? '', /^not seen since/);
      await look(observatory, member('evaluation-1', 'eu', UNKNOWN), member('evaluation-2', 'eu'));
      await look(observatory, member('evaluation-1', 'eu', UNREACHABLE), member('evaluation-2', 'eu'));
      assert.deepEqual(told, []);
      assert.equal(observatory.incidents()[0]?.note, '');
      await look(observatory, member('evaluation-1', 'eu'), member('evaluation-2', 'eu'));
      assert.deepEqual(told.map(spell), ['instance evaluation-1 ended']);
    });
  });

  it('ends what nobody has heard of when the start is long ago', async () => {
    members = [member('evaluation-1', 'eu', UNREACHABLE), member('evaluation-2', 'eu')];
    await during(() => undefined);
    nowMs += 60_000;
    told = [];
    members = [member('evaluation-2', 'eu')];
    await during(async (observatory) => {
      nowMs += 15_000;
      await look(observatory, member('evaluation-2', 'eu'), member('evaluation-3', 'eu'));
      assert.deepEqual(told.map(spell), ['instance evaluation-1 ended']);
    });
  });

  it('keeps an incident open when Consul dies after its subject', async () => {
    const second = member('evaluation-2', 'eu');
    members = [member('evaluation-1', 'eu', UNREACHABLE), second];
    await during(async (observatory) => {
      await look(observatory, member('evaluation-1', 'eu', UNKNOWN), second);
      assert.deepEqual(told.map(spell), ['instance evaluation-1 began']);
      assert.equal(observatory.incidents()[0]?.note, 'does not answer');
    });
  });

  it('keeps the books of objectives over a restart', async () => {
    const bad = () => results.put('eu', ProbeKind.EVALUATE, { isGood: false, cause: '', latencyMs: 1, atMs: nowMs });
    await during((observatory) => {
      observatory.count(bad());
      observatory.count(bad());
    });
    await during((observatory) => {
      const [availability] = observatory.slos('eu');
      assert.deepEqual([availability?.name, availability?.total, availability?.good], ['availability', 2, 0]);
    });
  });

  it('wakes whoever waits for a change, and not for ages', async () => {
    members = [member('evaluation-1', 'eu', SERVING, { seenAtMs: 1 })];
    await during(async (observatory) => {
      const stop = new AbortController();
      const woken = observatory.changed(stop.signal).then(() => 'changed');
      members = [member('evaluation-1', 'eu', SERVING, { seenAtMs: 2 })];
      const judged = new Promise((resolve) => setTimeout(resolve, 300, 'nothing new'));
      assert.equal(await Promise.race([woken, judged]), 'nothing new');
      members = [member('evaluation-1', 'eu', UNREACHABLE)];
      assert.equal(await woken, 'changed');
      stop.abort();
      await observatory.changed(stop.signal);
    });
  });
});
