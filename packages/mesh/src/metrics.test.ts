import assert from 'node:assert/strict';
import { type HeldSet, InstanceServiceService, RulesetServiceService, type WatchRulesetRequest } from '@sluice/proto';
import { currentBaggage } from './baggage.js';
import { bind } from './bind.js';
import type { Call } from './call.js';
import { createClient } from './client.js';
import { SluiceError } from './errors.js';
import { silentLogger } from './logger.js';
import type { MeshConfig } from './mesh-config.js';
import { startMetrics } from './metrics.js';
import { type MeshServer, startServer } from './server.js';

const mesh: MeshConfig = {
  identity: { service: 'evaluation', instance: 'evaluation-1', region: 'here', version: '0.0.0' },
  grpcAddr: { host: '127.0.0.1', port: 0 },
  consulAddr: undefined,
  meshKey: 'mesh-secret',
  logLevel: 'silent',
  metricsAddr: { host: '127.0.0.1', port: 0 },
};
const timeoutMs = 5_000;

const scrape = async (url: string | undefined): Promise<string> => {
  const response = await fetch(url ?? '');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain/);
  return response.text();
};

/** Value of the first series of a metric that has all these labels. */
function sampleOf(text: string, name: string, ...labels: string[]): number {
  const line = text
    .split('\n')
    .find((one) => new RegExp(`^${name}[{ ]`).test(one) && labels.every((label) => one.includes(label)));
  assert(line, `no ${name} with ${labels.join(', ')} in\n${text}`);
  return Number(line.slice(line.lastIndexOf(' ') + 1));
}

describe('metrics', () => {
  it('of nobody cost nothing and listen nowhere', async () => {
    const metrics = await startMetrics({ ...mesh, metricsAddr: undefined }, silentLogger);
    metrics.histogram('h', '', [1]).record(1, {});
    assert.equal(metrics.url, undefined);
    await metrics.close();
  });

  it('are looked at when they are scraped, and not before', async () => {
    const metrics = await startMetrics(mesh, silentLogger);
    try {
      let looks = 0;
      metrics.gauge('looks', 'How often somebody looked', () => [{ value: ++looks, labels: { of: 'me' } }]);
      metrics.counter('answers', 'Answers', () => [{ value: 3 }]);
      const waits = metrics.histogram('waits_seconds', 'Waits', [0.1, 1]);
      for (const seconds of [0.05, 0.5, 5]) waits.record(seconds, { hop: 'a"b' });
      assert.equal(looks, 0);
      await scrape(metrics.url);
      const text = await scrape(metrics.url);
      assert.equal(sampleOf(text, 'looks', 'of="me"'), 2);
      assert.equal(sampleOf(text, 'answers_total'), 3);
      assert.equal(sampleOf(text, 'waits_seconds_bucket', 'le="0.1"'), 1);
      assert.equal(sampleOf(text, 'waits_seconds_bucket', 'le="1"', 'hop="a\\"b"'), 2);
      assert.equal(sampleOf(text, 'waits_seconds_count'), 3);
      assert.match(text, /^# TYPE waits_seconds histogram$/m);
      assert.match(text, /^# HELP looks How often somebody looked$/m);
      assert.match(text, /service_instance_id="evaluation-1"/);
    } finally {
      await metrics.close();
    }
  });

  it('are on one path, to be read only', async () => {
    const metrics = await startMetrics(mesh, silentLogger);
    try {
      assert.equal((await fetch((metrics.url ?? '').replace('/metrics', '/'))).status, 404);
      assert.equal((await fetch(metrics.url ?? '', { method: 'POST', body: 'x' })).status, 405);
    } finally {
      await metrics.close();
    }
    await assert.rejects(fetch(metrics.url ?? ''));
  });

  it('say so when their port is taken', async () => {
    const first = await startMetrics(mesh, silentLogger);
    const port = Number(new URL(first.url ?? '').port);
    const again = startMetrics({ ...mesh, metricsAddr: { host: '127.0.0.1', port } }, silentLogger);
    await assert.rejects(again, /^Error: Can't serve metrics on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
    await first.close();
  });
});

describe('a server', () => {
  let server: MeshServer;
  const sets: HeldSet[] = [
    {
      set: { project: 'shop', environment: 'production' },
      revision: 7,
      stateHash: Buffer.alloc(0),
      committedAtMs: 5_000,
      ageMs: 1_500,
    },
  ];
  const counters: Record<string, number> = { requests: 4, exposures_waiting: 2 };
  /** Told when the handler of a stream has ended, and how. */
  let ended: (() => void) | undefined;
  let baggage: string | undefined;
  const target = () => `static:///${server.address}`;

  async function* watch(_request: WatchRulesetRequest, call: Call) {
    try {
      yield { item: undefined };
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve, { once: true }));
    } finally {
      ended?.();
    }
  }

  beforeEach(async () => {
    server = await startServer({
      mesh,
      logger: silentLogger,
      findGrant: () => undefined,
      services: [
        bind(RulesetServiceService, {
          listSets: () => {
            baggage = currentBaggage();
            return { sets: [] };
          },
          getRuleset: () => {
            throw new SluiceError('precondition', 'not now');
          },
          watchRuleset: watch,
        }),
      ],
      describe: () => ({ sets, counters }),
    });
    await server.setReady();
  });
  afterEach(() => server.stop(0));

  const rulesets = () => createClient(RulesetServiceService, { target: target(), key: 'mesh-secret' });

  it('exposes what it says of itself, what it holds, and how long its calls take', async () => {
    const client = rulesets();
    const self = createClient(InstanceServiceService, { target: target(), key: 'mesh-secret' });
    await client.listSets({}, { timeoutMs });
    await assert.rejects(client.getRuleset({ set: undefined, revision: 0 }, { timeoutMs }));
    await self.getInstance({}, { timeoutMs });
    const text = await scrape(server.metricsUrl);
    const set = ['project="shop"', 'environment="production"'];
    assert.equal(sampleOf(text, 'sluice_ruleset_revision', ...set), 7);
    assert.equal(sampleOf(text, 'sluice_ruleset_age_seconds', ...set), 1.5);
    assert.equal(sampleOf(text, 'sluice_evaluation_requests_total'), 4);
    assert.equal(sampleOf(text, 'sluice_evaluation_exposures_waiting'), 2);
    const count = (method: string, code: string): number =>
      sampleOf(text, 'rpc_server_call_duration_count', `rpc_method="${method}"`, `rpc_response_status_code="${code}"`);
    assert.equal(count('sluice.config.v1.RulesetService/ListSets', 'OK'), 1);
    assert.equal(count('sluice.config.v1.RulesetService/GetRuleset', 'FAILED_PRECONDITION'), 1);
    counters.late = 1;
    assert.equal(sampleOf(await scrape(server.metricsUrl), 'sluice_evaluation_late_total'), 1);
    client.close();
    self.close();
  });

  it('hears the baggage of a call, and a client sends on that of the work around it', async () => {
    const client = rulesets();
    await client.listSets({}, { timeoutMs });
    assert.equal(baggage, undefined);
    await client.listSets({}, { timeoutMs, baggage: 'a=1,b=2' });
    assert.equal(baggage, 'a=1,b=2');
    client.close();
  });

  it('ends its streams when it stops, at once, and says when to come back', async () => {
    const client = rulesets();
    const reader = client
      .watchRuleset({ set: undefined, revision: 0, stateHash: Buffer.alloc(0) })
      [Symbol.asyncIterator]();
    await reader.next();
    const handlerEnded = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const startedAt = performance.now();
    const [end] = await Promise.all([reader.next().catch((error: unknown) => error), server.stop(5_000), handlerEnded]);
    assert(end instanceof SluiceError, String(end));
    assert.equal(end.kind, 'unavailable');
    assert((end.retryAfterMs ?? 0) > 0);
    assert(performance.now() - startedAt < 2_000, `stopping took ${performance.now() - startedAt} ms`);
    client.close();
  });
});
