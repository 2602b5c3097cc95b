import assert from 'node:assert/strict';
import { type Principal, SluiceError } from '@sluice/mesh';
import { HealthState, type HeldSet } from '@sluice/proto';
import { getMesh, type Handling } from './handlers.js';
import { Newest } from './newest.js';
import type { Member } from './roster.js';

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
});

function member(service: string, ...sets: HeldSet[]): Member {
  const verdict = { state: HealthState.SERVING, cause: '', sinceMs: 3 };
  return { service, instance: `${service}-1`, region: 'local', address: 'h:1', verdict, self: self(service, ...sets) };
}

const principal = (kind: Principal['kind'], project: string): { principal: Principal } => ({
  principal: { kind, project, environment: '', canWrite: false, label: '', digest: '' },
});

function handling(...members: Member[]): Handling {
  const newest = new Newest();
  for (const { self } of members) if (self) newest.hear(self);
  return { roster: { members: () => members }, newest, clock: { now: () => 9 } };
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

describe('what is newest', () => {
  it("is config's word, stands while config is away, and never goes back", () => {
    const newest = new Newest();
    newest.hear(self('config', held('shop', 7)));
    newest.hear(self('evaluation', held('shop', 99)));
    newest.hear(self('config', held('shop', 6)));
    assert.equal(newest.get({ project: 'shop', environment: 'production' })?.revision, 7);
  });
});
