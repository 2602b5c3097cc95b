import assert from 'node:assert/strict';
import { createClient } from './client.js';
import { answer, meshKey, scripted, startScripted } from './test/scripted-server.js';
import { type HostPlace, watchHosts } from './watch-hosts.js';

type Tiers = readonly (readonly HostPlace[])[];

/** What a directory answers each time, and what is told of it; the last answer stays. */
async function follow(tiers: Tiers, answers: Readonly<Record<string, readonly string[] | Error>>[], until: number) {
  const told: Tiers[] = [];
  const errors: string[] = [];
  let rounds = 0;
  const asked = new Map<string, number>();
  await new Promise<void>((resolve) => {
    const watch = watchHosts({
      tiers,
      everyMs: 1,
      lookUp: async (host) => {
        const round = asked.get(host) ?? 0;
        asked.set(host, round + 1);
        rounds = Math.max(rounds, round);
        if (rounds > until) {
          watch.release();
          resolve();
        }
        const found = answers[Math.min(round, answers.length - 1)]?.[host] ?? [];
        if (found instanceof Error) throw found;
        return found;
      },
      onChange: (found) => told.push(found),
      onError: (reason) => errors.push(reason),
    });
  });
  return { told, errors };
}

describe('watchHosts', () => {
  const us = { host: 'evaluation.us', port: 7440 };
  const eu = { host: 'evaluation.eu', port: 7440 };
  const at = (host: string) => ({ host, port: 7440 });

  it('tells of instances that come and go, once each, in their tiers', async () => {
    const answers = [
      { 'evaluation.us': ['10.0.0.2', '10.0.0.1'], 'evaluation.eu': ['10.1.0.1'] },
      { 'evaluation.us': ['10.0.0.1', '10.0.0.2'], 'evaluation.eu': ['10.1.0.1'] },
      { 'evaluation.us': ['10.0.0.1', '10.0.0.2', '10.0.0.3'], 'evaluation.eu': ['10.1.0.1'] },
    ];
    const { told } = await follow([[us], [eu]], answers, 5);
    assert.deepEqual(told, [
      [[at('10.0.0.1'), at('10.0.0.2')], [at('10.1.0.1')]],
      [[at('10.0.0.1'), at('10.0.0.2'), at('10.0.0.3')], [at('10.1.0.1')]],
    ]);
  });

  it('keeps what it knew of a name that can not be looked up any more', async () => {
    const gone = new Error('SERVFAIL');
    const answers = [{ 'evaluation.us': ['10.0.0.1'] }, { 'evaluation.us': gone }, { 'evaluation.us': [] }];
    const { told, errors } = await follow([[us]], answers, 5);
    assert.deepEqual([told, errors], [[[[at('10.0.0.1')]]], []]);
  });

  it('says why nobody is found, and goes on looking', async () => {
    const answers = [{ 'evaluation.us': new Error('ENOTFOUND') }, { 'evaluation.us': ['10.0.0.1'] }];
    const { told, errors } = await follow([[us]], answers, 3);
    assert.deepEqual([told, errors], [[[[at('10.0.0.1')]]], ['ENOTFOUND']]);
  });
});

describe('a dns target', function () {
  this.timeout(20_000);

  it('is looked up, and goes to its second tier while the first is not there', async () => {
    let calls = 0;
    const server = await startScripted({
      getThing: () => {
        calls++;
        return answer;
      },
    });
    const targets = [`dns:///localhost:${server.port}`, `dns:///localhost:1;localhost:${server.port}`];
    try {
      for (const target of targets) {
        const client = createClient(scripted, { target, key: meshKey });
        await client.getThing({ service: '' }, { timeoutMs: 5_000 }).finally(() => client.close());
      }
      assert.equal(calls, targets.length);
    } finally {
      await server.stop(0);
    }
  });

  it('that no name stands behind fails the call, and says so', async () => {
    const client = createClient(scripted, { target: 'dns:///nobody.invalid:7440', key: meshKey });
    try {
      await assert.rejects(client.getThing({ service: '' }, { timeoutMs: 15_000 }), {
        kind: 'unavailable',
        message: /nobody\.invalid:7440 can't be found/,
      });
    } finally {
      client.close();
    }
  });
});
