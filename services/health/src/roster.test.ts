import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MeshServer, silentLogger, startServer } from '@sluice/mesh';
import { HealthState } from '@sluice/proto';
import { Roster } from './roster.js';

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
      describe: () => ({ sets: [], counters: { requests: 1 } }),
      isReady: () => isReady,
    });
    await server.setReady();
  }

  const list = (): void =>
    roster.update('evaluation', [{ id: 'evaluation-1', address: server.address, region: 'local' }]);
  const state = (): HealthState | undefined => roster.members()[0]?.verdict.state;

  beforeEach(async () => {
    isReady = true;
    consulFault = undefined;
    roster = new Roster({
      meshKey,
      probeEveryMs: 20,
      probeTimeoutMs: 500,
      goneKeptMs: 200,
      clock,
      logger: silentLogger,
      consulFault: () => consulFault,
      onSelf: () => undefined,
    });
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
    assert.match(roster.members()[0]?.verdict.cause ?? '', /not able to serve/);
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

  it('takes a wrong mesh key for what it is: a call that fails', async () => {
    roster.close();
    roster = new Roster({
      meshKey: 'another',
      probeEveryMs: 20,
      probeTimeoutMs: 500,
      goneKeptMs: 200,
      clock,
      logger: silentLogger,
      consulFault: () => undefined,
      onSelf: () => undefined,
    });
    list();
    await until(() => state() === HealthState.NOT_SERVING);
    assert.match(roster.members()[0]?.verdict.cause ?? '', /a call failed/);
  });
});
