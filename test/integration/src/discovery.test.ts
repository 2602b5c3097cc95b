import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, type Instance, listInstances, watchService } from '@sluice/mesh';
import { InstanceServiceService } from '@sluice/proto';
import { eventually, freePorts, goal, type Servers, withServers } from '@sluice/testkit';
import { cuttable } from './cuttable.js';

const program = fileURLToPath(new URL('./discovered-instance.js', import.meta.url));
const meshKey = 'mesh-secret';
const service = 'evaluation';
const timeoutMs = 5_000;

/** A registered process. */
interface Registered {
  readonly id: string;
  readonly address: string;
  readonly child: ChildProcess;
  end(signal: NodeJS.Signals): Promise<void>;
}

interface World {
  readonly servers: Servers;
  readonly consulAddr: string;
  launch(id: string): Promise<Registered>;
  connect(consulAddr?: string, endpointsDir?: string): Client<typeof InstanceServiceService>;
}

/** Gives `use` a Consul, and ends every process and connection that it made. */
function withConsul(use: (world: World) => Promise<void>): Promise<void> {
  return withServers({ consul: true }, async (servers) => {
    const { consulAddr } = servers;
    const keyFile = join(servers.folders.etc, 'mesh-key');
    await writeFile(keyFile, meshKey);
    const launched: Registered[] = [];
    const clients: Client<typeof InstanceServiceService>[] = [];
    const world: World = {
      servers,
      consulAddr,
      launch: async (id) => {
        const one = await launchInstance(id, consulAddr, keyFile);
        launched.push(one);
        return one;
      },
      connect: (at = consulAddr, endpointsDir = undefined) => {
        const place = { target: `consul:///${service}`, consulAddr: at, region: 'local', endpointsDir };
        const client = createClient(InstanceServiceService, { ...place, key: meshKey });
        clients.push(client);
        return client;
      },
    };
    try {
      await use(world);
    } finally {
      for (const client of clients) client.close();
      await Promise.all(launched.map((one) => one.end('SIGKILL')));
    }
  });
}

async function launchInstance(id: string, consulAddr: string, keyFile: string): Promise<Registered> {
  const env = {
    ...process.env,
    SLUICE_INSTANCE: id,
    SLUICE_REGION: 'local',
    CONSUL_HTTP_ADDR: consulAddr,
    EVALUATION_GRPC_ADDR: '127.0.0.1:0',
    MESH_KEY_FILE: keyFile,
  };
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const [line] = await Promise.race([once(child.stdout, 'data'), closed]);
  if (!Buffer.isBuffer(line)) throw new Error(`${id} ended before it was registered`);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await closed;
  };
  return { id, address: line.toString().trim(), child, end };
}

const idsOf = (instances: readonly Instance[]): string[] => instances.map(({ id }) => id).sort();

/** The instances that answer a number of calls, in which none may fail. */
async function reached(client: Client<typeof InstanceServiceService>, calls = 10): Promise<string[]> {
  const ids = new Set<string>();
  for (let call = 0; call < calls; call++) ids.add((await client.getInstance({}, { timeoutMs })).instance);
  return [...ids].sort();
}

describe('discovery', function () {
  this.timeout(60_000);

  it('sees an instance come, and go within a second of its stop', () =>
    withConsul(async ({ consulAddr, launch }) => {
      const seen: Instance[][] = [];
      const release = watchService({ consulAddr, service }, (instances) => void seen.push(instances));
      try {
        await eventually(() => assert.deepEqual(seen, [[]]));
        const stays = await launch('evaluation-1');
        await eventually(() => assert.deepEqual(idsOf(seen.at(-1) ?? []), ['evaluation-1']));
        const goes = await launch('evaluation-2');
        const both = [stays, goes].map(({ id, address }) => ({ id, address, region: 'local' }));
        await eventually(() =>
          assert.deepEqual(
            seen.at(-1)?.toSorted((a, b) => a.id.localeCompare(b.id)),
            both,
          ),
        );
        assert.deepEqual(idsOf(await listInstances(consulAddr, service)), ['evaluation-1', 'evaluation-2']);
        const ended = goes.end('SIGTERM');
        await eventually(() => assert.deepEqual(idsOf(seen.at(-1) ?? []), ['evaluation-1']), {
          deadlineMs: goal(1_000),
        });
        await ended;
        assert.equal(goes.child.exitCode, 0);
        assert.deepEqual(idsOf(await listInstances(consulAddr, service)), ['evaluation-1']);
        assert.deepEqual(await listInstances(consulAddr, 'nobody'), []);
      } finally {
        await release();
      }
    }));

  it('says when Consul does not answer', async () => {
    const [port] = await freePorts(1);
    const consulAddr = `127.0.0.1:${port}`;
    const reasons: string[] = [];
    const release = watchService(
      { consulAddr, service, onError: (reason) => void reasons.push(reason) },
      () => undefined,
    );
    try {
      await eventually(() => assert.match(reasons[0] ?? '', /ECONNREFUSED/));
      await assert.rejects(listInstances(consulAddr, service), /ECONNREFUSED/);
    } finally {
      await release();
    }
  });
});

describe('calls to consul:///', function () {
  this.timeout(60_000);

  it('reach every instance, and go on without one of them, and without Consul', () =>
    withConsul(async ({ servers, consulAddr, launch, connect }) => {
      const first = await launch('evaluation-1');
      await launch('evaluation-2');
      await eventually(async () => assert.equal((await listInstances(consulAddr, service)).length, 2));
      const client = connect();
      await eventually(async () => assert.deepEqual(await reached(client), ['evaluation-1', 'evaluation-2']));
      await first.end('SIGKILL');
      assert.deepEqual(await reached(client, 30), ['evaluation-2']);
      await launch('evaluation-3');
      await eventually(async () => assert.deepEqual(await reached(client), ['evaluation-2', 'evaluation-3']));
      await servers.consul?.kill();
      assert.deepEqual(await reached(client, 30), ['evaluation-2', 'evaluation-3']);
    }));

  it('leave what is known of another region in memory until that region has answered', () =>
    withConsul(async ({ servers, launch, connect }) => {
      const { address } = await launch('evaluation-1');
      const here = { id: 'evaluation-1', address, region: 'local' };
      const elsewhere = { id: 'eu-evaluation-1', address: '127.0.0.2:7440', region: 'eu' };
      const file = join(servers.folders.data, `${service}.json`);
      await writeFile(file, JSON.stringify({ home: [], away: [elsewhere] }));
      assert.deepEqual(await reached(connect(undefined, servers.folders.data), 1), ['evaluation-1']);
      assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { home: [here], away: [elsewhere] });
    }));

  it('have a prepared query beside them, and one of an older version is put right', () =>
    withConsul(async ({ consulAddr, launch }) => {
      const url = `http://${consulAddr}/v1/query`;
      const old = { Name: service, Service: { Service: service, OnlyPassing: false } };
      await fetch(url, { method: 'POST', body: JSON.stringify(old), signal: AbortSignal.timeout(timeoutMs) });
      await launch('evaluation-1');
      await eventually(async () => {
        const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
        const queries = (await answer.json()) as {
          Name: string;
          Service: { OnlyPassing: boolean; Failover: object };
        }[];
        assert.deepEqual(
          queries.map(({ Name, Service: { OnlyPassing, Failover } }) => ({ Name, OnlyPassing, Failover })),
          [{ Name: service, OnlyPassing: true, Failover: { Datacenters: null, NearestN: 3 } }],
        );
      });
    }));

  it('made before Consul is up wait for it', () =>
    withConsul(async ({ consulAddr, launch, connect }) => {
      await launch('evaluation-1');
      const [port = 0] = await freePorts(1);
      const client = connect(`127.0.0.1:${port}`);
      const outcome = reached(client, 1);
      await eventually(async () => assert.rejects(listInstances(`127.0.0.1:${port}`, service), /ECONNREFUSED/));
      const door = await cuttable(consulAddr, port);
      try {
        assert.deepEqual(await outcome, ['evaluation-1']);
      } finally {
        client.close();
        await door.close();
      }
    }));

  it('made while nobody is registered fail after two seconds, and say why', () =>
    withConsul(async ({ consulAddr, connect }) => {
      const started = performance.now();
      await assert.rejects(connect().getInstance({}, { timeoutMs: 10_000 }), {
        kind: 'unavailable',
        message: new RegExp(`evaluation can't be found: Consul at ${consulAddr} knows no healthy instance`),
      });
      const tookMs = performance.now() - started;
      assert(tookMs > 1_900 && tookMs < 8_000, `${tookMs} ms`);
    }));
});
