import assert from 'node:assert/strict';
import type { Client } from '@sluice/mesh';
import { HealthState } from '@sluice/proto';
import { RegionClients } from './region-clients.js';
import type { Member } from './roster.js';
import { member } from './test/sights.js';

describe('clients by region', () => {
  let members: Member[];
  let made: string[];
  let closed: string[];
  const clients = () =>
    new RegionClients<Record<never, never>>(
      'evaluation',
      () => members,
      (target) => {
        made.push(target);
        return { close: () => closed.push(target) } as unknown as Client<Record<never, never>>;
      },
    );
  const at = (instance: string, region: string, part: Partial<Member> = {}): Member =>
    member(instance, region, part.verdict?.state ?? HealthState.SERVING, { address: `${instance}:1`, ...part });
  const sick = { verdict: { state: HealthState.NOT_SERVING, cause: '', sinceMs: 0 } };

  beforeEach(() => {
    made = [];
    closed = [];
    members = [at('evaluation-1', 'eu'), at('evaluation-2', 'eu'), at('evaluation-3', 'us'), at('ingestion-1', 'eu')];
  });

  it('go to the instances of one service in one region, and stay as long as these do', () => {
    const pool = clients();
    assert.equal(pool.at('eu'), pool.at('eu'));
    pool.at('us');
    assert.deepEqual(made, ['static:///evaluation-1:1,evaluation-2:1', 'static:///evaluation-3:1']);
    members = members.slice(1);
    pool.at('eu');
    assert.deepEqual([made.at(-1), closed], ['static:///evaluation-2:1', ['static:///evaluation-1:1,evaluation-2:1']]);
    pool.close();
    assert.equal(closed.length, 3);
  });

  it('leave out who does not serve, unless nobody does', () => {
    const pool = clients();
    members = [at('evaluation-1', 'eu', sick), at('evaluation-2', 'eu')];
    pool.at('eu');
    members = [at('evaluation-1', 'eu', sick), at('evaluation-2', 'eu', sick)];
    pool.at('eu');
    assert.deepEqual(made, ['static:///evaluation-2:1', 'static:///evaluation-1:1,evaluation-2:1']);
  });

  it('are none where nobody is in Consul, though somebody may be known', () => {
    const pool = clients();
    members = [at('evaluation-1', 'eu', { isListed: false })];
    assert.deepEqual([pool.at('eu'), pool.isKnown('eu'), pool.isKnown('us')], [undefined, true, false]);
  });
});
