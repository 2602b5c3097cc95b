import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MeshServer, silentLogger, startServer } from '@sluice/mesh';
import { HealthState } from '@sluice/proto';
import { Roster, type RosterOptions } from './roster.js';
import type { SavedMember } from './roster-memory.js';

const meshKey = 'a-mesh-key';

/** Each look at it is a second later: whatever is to be kept for less is due at the next probe. */
let nowMs = 0;
const clock = { now: () => (nowMs += 1_000) };

async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > giveUpAtMs) assert.fail('the condition did not come true');
    await sleep(10);
  }
}

describe('the roster', () => {
  let server: MeshServer;
  let roster: Roster;
  let isReady: boolean;
  let consulFault: string | undefined;

  async function startInstance(): Promise<void> {
    server = await startServer({
      mesh: {
        identity: { service: 'evaluation', instance: 'evaluation-1', region: 'local', version: '1' },
        grpcAddr: { host: '127.0.0.1', port: 0 },
        consulAddr: undefined,
        meshKey,
        logLevel: 'silent',
      },
      logger: silentLogger,
      findGrant: () => undefined,
      services: [],
      describe: () => ({
        sets: [],
        counters: { requests: 1 },
        missing: isReady ? {} : { postgres: 'does not answer' },
      }),
      isReady: () => isReady,
    });
    await server.setReady();
  }

  const createRoster = (part: Partial<RosterOptions> = {}): Roster =>
    new Roster({
      meshKey,
      probeEveryMs: 20,
      probeTimeoutMs: 500,
      goneKeptMs: 200,
      crashedKeptMs: 10_000_000,
      clock,
      logger: silentLogger,
      consulFault: () => consulFault,
      onSelf: () => undefined,
      ...part,
    });

  const list = (): void =>
    roster.update('evaluation', [{ id: 'evaluation-1', address: server.address, region: 'local' }]);
  const state = (): HealthState | undefined => roster.members()[0]?.verdict.state;

  beforeEach(async () => {
    isReady = true;
    consulFault = undefined;
    roster = createRoster();
    await startInstance();
    list();
  });

  afterEach(async () => {
    roster.close();
    await server.stop(100);
  });

  it('says unknown before it has looked, then what it saw', async () => {
    assert.equal(state(), HealthState.UNKNOWN);
    await until(() => state() === HealthState.SERVING);
    assert.equal(roster.members()[0]?.self?.counters.requests, 1);
  });

  it('sees an instance that can not do its job', async () => {
    await until(() => state() === HealthState.SERVING);
    isReady = false;
    await until(() => state() === HealthState.NOT_SERVING);
    assert.match(roster.members()[0]?.verdict.cause ?? '', /not able to serve: postgres does not answer$/);
  });

  it('follows an instance to its new address', async () => {
    await until(() => state() === HealthState.SERVING);
    await server.stop(0);
    await until(() => state() === HealthState.UNREACHABLE);
    await startInstance();
    list();
    await until(() => state() === HealthState.SERVING);
    assert.equal(roster.members()[0]?.address, server.address);
  });

  it('drops what has left and does not answer, but not while Consul is away', async () => {
    await until(() => state() === HealthState.SERVING);
    roster.update('evaluation', []);
    await until(() => /not in Consul/.test(roster.members()[0]?.verdict.cause ?? ''));
    consulFault = 'no answer';
    await server.stop(0);
    await until(() => state() === HealthState.UNKNOWN);
    assert.equal(roster.members().length, 1);
    consulFault = undefined;
    await until(() => roster.members().length === 0);
  });

  it('keeps what crashed when Consul gives it up, and says so', async () => {
    await until(() => state() === HealthState.SERVING);
    await server.stop(0);
    await until(() => state() === HealthState.UNREACHABLE);
    nowMs += 60_000;
    roster.update('evaluation', []);
    await until(() => /Consul gave it up/.test(roster.members()[0]?.verdict.cause ?? ''));
    await startInstance();
    list();
    await until(() => state() === HealthState.SERVING);
    assert.equal(roster.members()[0]?.hasCrashed, false);
  });

  it('tells instances of one name in two regions apart', async () => {
    const at = (region: string) => ({ id: 'evaluation-1', address: server.address, region });
    const seen = () => roster.members().map(({ region, isListed }) => [region, isListed]);
    roster.update('evaluation', [at('local'), at('eu')]);
    assert.deepEqual(seen(), [
      ['eu', true],
      ['local', true],
    ]);
    roster.update('evaluation', [at('local')]);
    assert.deepEqual(seen(), [
      ['eu', false],
      ['local', true],
    ]);
  });

  it('remembers over a restart who was there, and does not believe that they left where Consul says nothing', async () => {
    let saved: readonly SavedMember[] = [];
    const first = createRoster({ onChange: (members) => (saved = members) });
    first.update('evaluation', [
      { id: 'evaluation-1', address: server.address, region: 'local' },
      { id: 'evaluation-2', address: '127.0.0.1:1', region: 'eu' },
    ]);
    await until(() => saved.some(({ hasServed }) => hasServed) && saved.some((one) => one.silentSinceMs !== undefined));
    first.close();
    const second = createRoster();
    try {
      second.restore(JSON.parse(JSON.stringify(saved)));
      assert.deepEqual(
        second.members().map(({ instance, hasServed, verdict }) => [instance, hasServed, verdict.state]),
        [
          ['evaluation-2', false, HealthState.UNKNOWN],
          ['evaluation-1', true, HealthState.UNKNOWN],
        ],
      );
      second.update('evaluation', [{ id: 'evaluation-1', address: server.address, region: 'local' }]);
      await until(() => second.members().every(({ verdict }) => verdict.state !== HealthState.UNKNOWN));
      assert.deepEqual(
        second.members().map(({ isListed }) => isListed),
        [true, true],
      );
    } finally {
      second.close();
    }
  });

  it('takes a wrong mesh key for what it is: a call that fails', async () => {
    roster.close();
    roster = createRoster({ meshKey: 'another' });
    list();
    await until(() => state() === HealthState.NOT_SERVING);
    assert.match(roster.members()[0]?.verdict.cause ?? '', /a call failed/);
  });
});
