import assert from 'node:assert/strict';
import { type GetInstanceResponse, HealthState } from '@sluice/proto';
import { firstVerdict, type Listing, nextVerdict, type Observation } from './verdict.js';

const self: GetInstanceResponse = {
  service: 'evaluation',
  instance: 'evaluation-1',
  region: 'local',
  version: '1',
  startedAtMs: 1,
  sets: [],
  counters: {},
  missing: {},
};
const serving: Observation = { kind: 'serving', self };
const sick: Observation = { kind: 'not_serving', reason: 'says NOT_SERVING', self };
const silent: Observation = { kind: 'silent', reason: 'connection refused' };
const listed: Listing = { isListed: true, hasCrashed: false, consulFault: undefined };
const gone: Listing = { isListed: false, hasCrashed: false, consulFault: undefined };
const blind: Listing = { isListed: true, hasCrashed: false, consulFault: 'timed out' };

describe('the verdict about an instance', () => {
  const cases: [string, Observation, Listing, HealthState, RegExp][] = [
    ['serves', serving, listed, HealthState.SERVING, /^$/],
    ['serves while Consul is away', serving, blind, HealthState.SERVING, /^$/],
    ['serves unknown to Consul', serving, gone, HealthState.SERVING, /clients do not find it/],
    ['answers that it can not', sick, listed, HealthState.NOT_SERVING, /says NOT_SERVING/],
    ['is silent', silent, listed, HealthState.UNREACHABLE, /^does not answer: connection refused$/],
    ['is silent and has left', silent, gone, HealthState.UNREACHABLE, /it has left Consul$/],
    [
      'is silent and was given up',
      silent,
      { ...gone, hasCrashed: true },
      HealthState.UNREACHABLE,
      /Consul gave it up$/,
    ],
    ['is silent while Consul is away', silent, blind, HealthState.UNKNOWN, /timed out/],
  ];
  for (const [what, seen, listing, state, cause] of cases) {
    it(`when it ${what}`, () => {
      const verdict = nextVerdict(firstVerdict(5), seen, listing, 9);
      assert.equal(verdict.state, state);
      assert.match(verdict.cause, cause);
    });
  }

  it('starts as unknown, never as healthy', () => assert.equal(firstVerdict(5).state, HealthState.UNKNOWN));

  it('keeps the time of the last change of state', () => {
    const first = nextVerdict(firstVerdict(5), serving, listed, 10);
    assert.equal(nextVerdict(first, serving, gone, 20).sinceMs, 10);
    assert.equal(nextVerdict(first, silent, listed, 30).sinceMs, 30);
  });
});
