import assert from 'node:assert/strict';
import { HealthState } from '@sluice/proto';
import { hasCrashed, isForgotten } from './departure.js';
import type { Member } from './roster.js';
import { member } from './test/sights.js';

const { SERVING, UNREACHABLE } = HealthState;
const keeping = { goneKeptMs: 60_000, crashedKeptMs: 3_600_000 };

describe('one that is no longer in Consul', () => {
  it('crashed when it had been silent for long before', () => {
    assert.equal(hasCrashed(undefined, 100_000), false);
    assert.equal(hasCrashed(99_000, 100_000), false);
    assert.equal(hasCrashed(70_000, 100_000), true);
  });

  const stopped = member('evaluation-1', 'eu', UNREACHABLE, { isListed: false, silentSinceMs: 500 });
  const crashed: Member = { ...stopped, hasCrashed: true };
  const peer = (joinedAtMs: number, state: HealthState = SERVING): Member =>
    member('evaluation-2', 'eu', state, { joinedAtMs });
  const isOver = (one: Member, quietMs: number, ...others: Member[]): boolean =>
    isForgotten(one, [one, ...others], quietMs, keeping);

  it('is forgotten after a while when it was stopped on purpose', () => {
    assert.equal(isOver(stopped, 59_999, peer(0)), false);
    assert.equal(isOver(stopped, 60_000, peer(0)), true);
  });

  it('is kept when it was the last of its service, while its region goes on', () => {
    assert.equal(isOver(stopped, 60_000, member('ingestion-1', 'eu')), false);
    assert.equal(isOver(stopped, 60_000, member('ingestion-1', 'us')), true);
    assert.equal(isOver(stopped, 60_000, member('ingestion-1', 'eu', UNREACHABLE, { isListed: false })), true);
    assert.equal(isOver(stopped, 3_600_000, member('ingestion-1', 'eu')), true);
  });

  it('is kept when it crashed, until a younger one serves in its place', () => {
    assert.equal(isOver(crashed, 60_000), false);
    assert.equal(isOver(crashed, 60_000, peer(400)), false);
    assert.equal(isOver(crashed, 60_000, peer(600, UNREACHABLE)), false);
    assert.equal(isOver(crashed, 60_000, member('ingestion-1', 'eu', SERVING, { joinedAtMs: 600 })), false);
    assert.equal(isOver(crashed, 60_000, peer(600)), true);
    assert.equal(isOver(crashed, 3_600_000), true);
  });
});
