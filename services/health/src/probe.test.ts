import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type MeshServer, SluiceError, silentLogger, startServer } from '@sluice/mesh';
import { createProbe, type Probe, reasonOf } from './probe.js';
import type { Observation } from './verdict.js';

const meshKey = 'a-mesh-key';
const timeoutMs = 1_000;

describe('the probe of an instance', () => {
  let server: MeshServer;
  let isReady: boolean;
  let missing: Record<string, string>;
  const probes: Probe[] = [];

  const probeOf = (address: string, key = meshKey): Probe => {
    const probe = createProbe(address, key);
    probes.push(probe);
    return probe;
  };
  const reason = (seen: Observation): string => (seen.kind === 'serving' ? '' : seen.reason);

  beforeEach(async () => {
    isReady = true;
    missing = {};
    server = await startServer({
      mesh: {
        identity: { service: 'config', instance: 'config-1', region: 'eu', version: '1' },
        grpcAddr: { host: '127.0.0.1', port: 0 },
        consulAddr: undefined,
        meshKey,
        logLevel: 'silent',
      },
      logger: silentLogger,
      findGrant: () => undefined,
      services: [],
      describe: () => ({ sets: [], counters: {}, missing }),
      isReady: () => isReady,
    });
  });

  afterEach(async () => {
    for (const probe of probes.splice(0)) probe.close();
    await server.stop(0);
  });

  it('sees one that serves, and what it says of itself', async () => {
    await server.setReady();
    const seen = await probeOf(server.address).look(timeoutMs);
    assert.equal(seen.kind, 'serving');
    assert.equal(seen.kind === 'serving' && seen.self.instance, 'config-1');
  });

  it('sees one that can not do its job, and what it lacks', async () => {
    isReady = false;
    missing = { nats: 'not connected', postgres: 'does not answer' };
    await server.setReady();
    const seen = await probeOf(server.address).look(timeoutMs);
    assert.equal(seen.kind, 'not_serving');
    assert.equal(reason(seen), 'says that it is not able to serve: nats not connected, postgres does not answer');
    missing = {};
    assert.equal(reason(await probeOf(server.address).look(timeoutMs)), 'says that it is not able to serve');
  });

  it('does not believe one that says that it serves when a call fails', async () => {
    await server.setReady();
    const seen = await probeOf(server.address, 'another').look(timeoutMs);
    assert.equal(seen.kind, 'not_serving');
    assert.match(reason(seen), /^says that it serves, but a call failed \(Unknown SDK key/);
  });

  it('takes who refuses the connection for silent', async () => {
    const { address } = server;
    await server.stop(0);
    const seen = await probeOf(address).look(timeoutMs);
    assert.deepEqual([seen.kind, reason(seen)], ['silent', 'connection refused']);
  });

  it('takes who accepts the connection and says nothing for silent, in time', async () => {
    const sockets: Socket[] = [];
    const mute: Server = createServer((socket) => void sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const startedMs = performance.now();
    const seen = await probeOf(`127.0.0.1:${(mute.address() as AddressInfo).port}`).look(300);
    assert.equal(seen.kind, 'silent');
    assert(performance.now() - startedMs < 5_000);
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
});

describe('why a call failed, for people', () => {
  it('is short for what happens often, and the message otherwise', () => {
    assert.equal(reasonOf(new SluiceError('deadline', 'Deadline exceeded after 0.8s')), 'no answer in time');
    assert.equal(reasonOf(new Error('connect ECONNREFUSED 127.0.0.1:1')), 'connection refused');
    assert.equal(reasonOf(new Error('The spool is full.')), 'The spool is full.');
    assert.equal(reasonOf('just text'), 'just text');
  });
});
