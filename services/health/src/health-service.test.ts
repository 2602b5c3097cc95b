/** What the health service answers over the wire, and on its page. */
import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import {
  bind,
  type Client,
  createClient,
  digestOf,
  type MeshServer,
  type Metrics,
  noMetrics,
  silentLogger,
  startMetrics,
  startServer,
} from '@sluice/mesh';
import {
  HealthState,
  type Incident,
  KeyClass,
  MeshHealthServiceService,
  ProbeKind,
  type WatchMeshResponse,
} from '@sluice/proto';
import { getIncidents, getMesh, getSlo, type Handling } from './handlers.js';
import { regionsOf, servicesOf } from './mesh-view.js';
import { Newest } from './newest.js';
import type { Member } from './roster.js';
import { SloBook } from './slo-book.js';
import { addStatusPage, readersMax } from './status-page.js';
import { member, probe } from './test/sights.js';
import { watchMesh } from './watch-mesh.js';

const meshKey = 'a-mesh-key';
const timeoutMs = 5_000;
const identity = { service: 'health', instance: 'health-1', region: 'us', version: '1' } as const;
const address = { host: '127.0.0.1', port: 0 };

describe('the health service', () => {
  let members: Member[];
  let incidents: Incident[];
  let watchFault: string | undefined;
  const wakes = new Set<() => void>();
  const book = new SloBook();
  const handling: Handling = {
    roster: { members: () => members },
    newest: new Newest(),
    clock: { now: () => 9 },
    region: 'us',
    observatory: {
      get view() {
        const services = servicesOf(members);
        return { services, regions: regionsOf(services, () => [], new Map(), 9) };
      },
      slos: (region) => book.read(9, region),
      incidents: () => incidents,
      changed: (signal) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        wakes.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
        return promise;
      },
    },
  };

  beforeEach(() => {
    members = [member('evaluation-1', 'eu'), member('evaluation-2', 'eu')];
    incidents = [];
    watchFault = undefined;
    wakes.clear();
  });

  describe('over gRPC', () => {
    let server: MeshServer;
    let client: Client<MeshHealthServiceService>;

    before(async () => {
      for (const region of ['eu', 'us']) book.count({ region, result: probe(true, { kind: ProbeKind.INGEST }) });
      server = await startServer({
        mesh: { identity, grpcAddr: address, consulAddr: undefined, meshKey, logLevel: 'silent' },
        logger: silentLogger,
        metrics: noMetrics,
        findGrant: (digest) =>
          digest === digestOf('a-device')
            ? { keyClass: KeyClass.CLIENT, project: 'shop', environment: 'qa', canWrite: false, label: '' }
            : undefined,
        describe: () => ({ sets: [], counters: {} }),
        services: [
          bind(MeshHealthServiceService, {
            getMesh: (request, call) => getMesh(handling, request, call),
            watchMesh: (request, call) => watchMesh(handling, request, call),
            getSlo: (request, call) => getSlo(handling, request, call),
            getIncidents: (request, call) => getIncidents(handling, request, call),
          }),
        ],
      });
      client = connect(meshKey);
    });

    after(async () => {
      client.close();
      await server.stop(0);
    });

    const connect = (key: string) =>
      createClient(MeshHealthServiceService, { target: `static:///${server.address}`, key });

    it('tells how objectives do, of all regions or of one', async () => {
      const regionsIn = async (region: string) =>
        (await client.getSlo({ region }, { timeoutMs })).slos.map((slo) => `${slo.region} ${slo.name} ${slo.total}`);
      assert.deepEqual(await regionsIn(''), ['eu events 1', 'us events 1']);
      assert.deepEqual(await regionsIn('eu'), ['eu events 1']);
      assert.deepEqual(await regionsIn('nowhere'), []);
    });

    it('shows a watcher the mesh at once, and again when something changed, until it goes', async () => {
      const stop = new AbortController();
      const watching = client.watchMesh({}, { signal: stop.signal })[Symbol.asyncIterator]();
      const states = async () => {
        const { value } = (await watching.next()) as IteratorResult<WatchMeshResponse, undefined>;
        return value?.mesh?.instances.map(({ state }) => state);
      };
      assert.deepEqual(await states(), [HealthState.SERVING, HealthState.SERVING]);
      members = [member('evaluation-1', 'eu', HealthState.UNREACHABLE), member('evaluation-2', 'eu')];
      for (const wake of wakes) wake();
      assert.deepEqual(await states(), [HealthState.UNREACHABLE, HealthState.SERVING]);
      stop.abort();
      await assert.rejects(watching.next());
    });

    it('is not for devices', async () => {
      const device = connect('a-device');
      for (const call of [
        device.getSlo({ region: '' }, { timeoutMs }),
        device.getIncidents({ isOpenOnly: false, limit: 0, region: '' }, { timeoutMs }),
        device.watchMesh({})[Symbol.asyncIterator]().next(),
      ])
        await assert.rejects(call, { kind: 'forbidden' });
      device.close();
    });
  });

  describe('on its page', () => {
    let metrics: Metrics;
    const readers: IncomingMessage[] = [];

    before(async () => {
      metrics = await startMetrics({ identity, metricsAddr: address }, silentLogger);
      addStatusPage(metrics, handling, () => watchFault);
    });

    after(() => metrics.close());

    const at = (path: string) => new URL(path, metrics.url);
    const status = async () =>
      (await (await fetch(at('/status.json'))).json()) as { state: string; incidents: Incident[] };
    const open: Incident = {
      ...{ id: 'i', kind: 'instance', subject: 'evaluation-1', region: 'eu', cause: 'why', note: '' },
      ...{ startedAtMs: 1, endedAtMs: undefined },
    };

    it('says that the mesh is degraded while an incident goes on in regions that serve', async () => {
      assert.equal((await status()).state, 'serving');
      incidents = [open];
      assert.equal((await status()).state, 'degraded');
      incidents = [{ ...open, endedAtMs: 2 }];
      assert.equal((await status()).state, 'serving');
    });

    it('says what is worse than that, and unknown while nothing was seen', async () => {
      incidents = [open];
      members = [member('evaluation-1', 'eu', HealthState.UNREACHABLE)];
      assert.equal((await status()).state, 'unreachable');
      members = [];
      assert.equal((await status()).state, 'unknown');
    });

    it('shows incidents that go on first, however old they are', async () => {
      const ended = Array.from({ length: 30 }, (_, at) => ({ ...open, id: `e${at}`, endedAtMs: 2 }));
      incidents = [...ended, open];
      const shown = (await status()).incidents;
      assert.deepEqual([shown.length, shown[0]?.id, shown[1]?.id], [20, 'i', 'e0']);
    });

    it('tells load balancers whether its watch works, and why not', async () => {
      assert.equal((await fetch(at('/healthz'))).status, 200);
      watchFault = 'connection refused';
      const answer = await fetch(at('/healthz'));
      assert.deepEqual([answer.status, await answer.text()], [503, 'connection refused\n']);
    });

    it('leaves room for scrapers and load balancers, however many read it', async () => {
      const read = (): Promise<IncomingMessage> =>
        new Promise((resolve, reject) => get(at('/status.events'), { agent: false }, resolve).once('error', reject));
      try {
        readers.push(...(await Promise.all(Array.from({ length: readersMax }, read))));
        const tooMany = await read();
        assert.equal(tooMany.statusCode, 503);
        tooMany.destroy();
        assert.equal((await fetch(at('/metrics'))).status, 200);
        assert.equal((await fetch(at('/healthz'))).status, 200);
      } finally {
        for (const reader of readers.splice(0)) reader.destroy();
      }
    });
  });
});
