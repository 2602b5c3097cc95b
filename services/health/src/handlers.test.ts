import assert from 'node:assert/strict';
import { digestOf, type Principal, SluiceError } from '@sluice/mesh';
import { HealthState, type HeldSet, type Incident, type KeyGrant } from '@sluice/proto';
import { getIncidents, getMesh, type Handling, lagsOf } from './handlers.js';
import { findGrantIn } from './keys.js';
import { Newest } from './newest.js';
import type { Member } from './roster.js';
import { member as memberOf } from './test/sights.js';

const held = (project: string, revision: number): HeldSet => ({
  set: { project, environment: 'production' },
  revision,
  stateHash: Buffer.alloc(0),
  committedAtMs: 0,
  ageMs: 0,
});

const self = (service: string, ...sets: HeldSet[]) => ({
  service,
  instance: `${service}-1`,
  region: 'local',
  version: '1',
  startedAtMs: 1,
  sets,
  counters: { requests: 5 },
  load: 0.25,
  missing: {},
});

const member = (service: string, ...sets: HeldSet[]): Member =>
  memberOf(`${service}-1`, 'local', HealthState.SERVING, { self: self(service, ...sets), lastSets: sets, seenAtMs: 4 });

const principal = (kind: Principal['kind'], project: string): { principal: Principal } => ({
  principal: { kind, project, environment: '', canWrite: false, label: '', digest: '' },
});

const incidents: Incident[] = [3, 2, 1].map((serial) => ({
  id: `i${serial}`,
  kind: 'instance',
  subject: `evaluation-${serial}`,
  region: serial === 2 ? 'eu' : 'local',
  cause: 'does not answer',
  startedAtMs: serial,
  endedAtMs: serial === 1 ? 5 : undefined,
  note: '',
}));

function handling(...members: Member[]): Handling {
  const newest = new Newest();
  for (const { self } of members) if (self) newest.hear(self);
  const observatory = {
    view: { services: [], regions: [] },
    slos: () => [],
    incidents: () => incidents,
    changed: () => Promise.resolve(),
  };
  return { roster: { members: () => members }, newest, clock: { now: () => 9 }, observatory, region: 'local' };
}

describe('the answer about the mesh', () => {
  const mesh = handling(
    member('config', held('shop', 7), held('bank', 3)),
    member('evaluation', held('shop', 5), held('bank', 3)),
  );

  it('tells how far each holder is behind config', () => {
    const { instances, newest, observedAtMs } = getMesh(mesh, {}, principal('console', ''));
    assert.deepEqual(
      newest.map(({ set, revision }) => [set?.project, revision]),
      [
        ['bank', 3],
        ['shop', 7],
      ],
    );
    assert.deepEqual(
      instances[1]?.lags.map(({ revision, behind }) => [revision, behind]),
      [
        [5, 2],
        [3, 0],
      ],
    );
    assert.deepEqual(instances[0]?.lags, []);
    assert.equal(instances[0]?.load, 0.25);
    assert.equal(observedAtMs, 9);
  });

  it('shows nothing of other projects', () => {
    const { instances, newest } = getMesh(mesh, {}, principal('server', 'shop'));
    const seen = [
      ...newest,
      ...instances.flatMap(({ self }) => self?.sets ?? []),
      ...instances.flatMap(({ lags }) => lags),
    ];
    assert.deepEqual([...new Set(seen.map(({ set }) => set?.project))], ['shop']);
    assert.deepEqual(instances[0]?.self?.counters, {});
  });

  it('is not for devices', () => {
    assert.throws(
      () => getMesh(mesh, {}, principal('client', 'shop')),
      (error: unknown) => {
        return error instanceof SluiceError && error.kind === 'forbidden';
      },
    );
  });

  it('makes no lag up where config never said what is newest', () => {
    const { instances } = getMesh(handling(member('evaluation', held('shop', 5))), {}, principal('mesh', ''));
    assert.deepEqual(instances[0]?.lags, []);
  });
});

describe('the lag of an instance', () => {
  it('goes on growing while the instance is silent', () => {
    const newest = new Newest();
    newest.hear(self('config', { ...held('shop', 7), committedAtMs: 1_000 }));
    const lastSets = [{ ...held('shop', 5), ageMs: 200 }];
    const [lag] = lagsOf({ lastSets, seenAtMs: 2_000 }, newest, 5_000);
    assert.deepEqual([lag?.behind, lag?.ageMs, lag?.lateMs], [2, 3_200, 4_000]);
    const [even] = lagsOf({ lastSets: [held('shop', 7)], seenAtMs: 5_000 }, newest, 5_000);
    assert.deepEqual([even?.behind, even?.ageMs, even?.lateMs], [0, 0, undefined]);
  });
});

describe('what is newest', () => {
  const shop = { project: 'shop', environment: 'production' };
  let nowMs = 0;
  const newest = new Newest({ now: () => nowMs });
  const say = (instance: string, ...sets: HeldSet[]): void => newest.hear({ ...self('config', ...sets), instance });

  it("is the highest that config's instances say now", () => {
    say('config-1', held('shop', 7));
    say('config-2', held('shop', 6));
    newest.hear(self('evaluation', held('shop', 99)));
    assert.equal(newest.get(shop)?.revision, 7);
  });

  it('stands while config is away', () => {
    nowMs = 60_000;
    assert.equal(newest.get(shop)?.revision, 7);
  });

  it('goes back with a mesh that was made anew, and forgets sets that are gone', () => {
    say('config-1', held('bank', 1));
    assert.equal(newest.get(shop), undefined);
    assert.deepEqual(
      newest.all().map(({ set }) => set?.project),
      ['bank'],
    );
  });
});

describe('the keys of health', () => {
  const root = 'sluice_console_root';
  const empty = { size: 0, findGrant: () => undefined };

  it('know the first console key while there is no ruleset', () => {
    assert.equal((findGrantIn(empty, root)(digestOf(root)) as KeyGrant | undefined)?.label, 'root');
    assert.equal(findGrantIn(empty, root)(digestOf('another')), undefined);
    assert.equal(findGrantIn(empty, undefined)(digestOf(root)), undefined);
  });

  it('are those of the rulesets from the first ruleset on', () => {
    assert.equal(findGrantIn({ ...empty, size: 1 }, root)(digestOf(root)), undefined);
  });
});

describe('the answer about incidents', () => {
  const ask = (part: { isOpenOnly?: boolean; limit?: number; region?: string }) =>
    getIncidents(
      handling(),
      { isOpenOnly: false, limit: 0, region: '', ...part },
      principal('console', ''),
    ).incidents.map(({ id }) => id);

  it('is newest first, narrowed and bounded as asked', () => {
    assert.deepEqual(ask({}), ['i3', 'i2', 'i1']);
    assert.deepEqual(ask({ isOpenOnly: true }), ['i3', 'i2']);
    assert.deepEqual(ask({ region: 'eu' }), ['i2']);
    assert.deepEqual(ask({ limit: 1 }), ['i3']);
    assert.throws(() => ask({ limit: 1_001 }), /limit: is 1001; it must be at most 1000/);
  });
});
