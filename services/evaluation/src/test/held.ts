/** What an evaluator holds, for tests: a set whose revisions answer differently. */
import assert from 'node:assert/strict';
import { hashEntities } from '@sluice/codec';
import type { Entity } from '@sluice/proto';
import { applyFrame, emptyState, Holdings, rawFrame } from '@sluice/replica';
import type { ExposureRecord } from '../exposure.js';
import type { Handling } from '../handlers.js';
import { Relay } from '../relay.js';
import { Replays } from '../replays.js';

export const set = { project: 'shop', environment: 'production' };

/** A gate that is on at odd revisions. */
function gateAt(revision: number): Entity {
  const value = {
    ...{ entity: 'feature_gate', salt: 's', enabled: true, defaultValueJson: 'false', idType: 'userID' },
    rules: [
      {
        id: 'all',
        name: 'all',
        passPercentage: (revision % 2) * 100,
        conditionIds: ['everybody'],
        returnValueJson: 'true',
        idType: 'userID',
      },
    ],
  };
  return { name: 'checkout', version: revision, body: { $case: 'gate', value: value as never } };
}

/** An experiment that everybody is in, and a gate for its group. */
const consulting: readonly Entity[] = [
  {
    name: 'button',
    version: 1,
    body: {
      $case: 'config',
      value: {
        ...{ entity: 'experiment', salt: 's', enabled: true, defaultValueJson: '{}', idType: 'userID', isActive: true },
        rules: [{ ...ruleFor('everybody'), id: 'blue', groupName: 'Blue', returnValueJson: '{"color":"blue"}' }],
      } as never,
    },
  },
  {
    name: 'in blue',
    version: 1,
    body: {
      $case: 'condition',
      value: {
        ...{ type: 'experiment_group', field: 'button', operator: 'any', targetValueJson: '["Blue"]' },
        ...{ idType: 'userID', additionalValues: {} },
      } as never,
    },
  },
  {
    name: 'welcome',
    version: 1,
    body: {
      $case: 'gate',
      value: {
        ...{ entity: 'feature_gate', salt: 's', enabled: true, defaultValueJson: 'false', idType: 'userID' },
        rules: [ruleFor('in blue')],
      } as never,
    },
  },
];

function ruleFor(conditionId: string) {
  return {
    ...{ id: 'all', name: 'all', passPercentage: 100, conditionIds: [conditionId] },
    ...{ returnValueJson: 'true', idType: 'userID' },
  };
}

/** Holds these revisions, the last one as the newest. */
export function holdingsOf(revisions: readonly number[]): Holdings {
  const holdings = new Holdings();
  for (const revision of revisions) hold(holdings, revision);
  return holdings;
}

/** The next revision arrives. */
export function hold(holdings: Holdings, revision: number): void {
  const condition = { type: 'public', idType: 'userID', additionalValues: {} } as never;
  const upserts: Entity[] = [
    gateAt(revision),
    ...consulting,
    { name: 'everybody', version: 1, body: { $case: 'condition', value: condition } },
  ];
  const [stateHash, previousStateHash] = [Buffer.from(hashEntities(upserts)), Buffer.alloc(0)];
  const head = { set, revision, previousRevision: 0, stateHash, previousStateHash, committedAtMs: 1 };
  const outcome = applyFrame(emptyState(set), rawFrame({ ...head, upserts, deletions: [], isElided: false }));
  if (outcome.kind !== 'applied') throw new Error(outcome.kind);
  holdings.put(outcome.state, Date.now());
}

export function handlingOf(holdings: Holdings, offered: ExposureRecord[] = []): Handling {
  return {
    holdings,
    follower: { hurry: () => undefined },
    replays: new Replays({ fetchSnapshot: () => assert.fail('it is held') }),
    relay: new Relay(holdings),
    pacer: { admit: () => Promise.resolve() },
    exposures: { offer: (record) => void offered.push(record) },
    countries: undefined,
    staleAfterMs: 60_000,
    clock: { now: () => Date.now() },
    counters: { requests: 0, evaluations: 0 },
  };
}
