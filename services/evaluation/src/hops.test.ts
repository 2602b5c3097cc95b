/** An evaluator that has to ask config does so within the call that it serves. */
import assert from 'node:assert/strict';
import { hashEntities } from '@sluice/codec';
import {
  bind,
  type Call,
  type Client,
  createClient,
  type MeshServer,
  type ServiceBinding,
  silentLogger,
  startServer,
} from '@sluice/mesh';
import { GetRulesetResponse, RulesetServiceService } from '@sluice/proto';
import { applyFrame, createAuthority, emptyState, Holdings, rawFrame, relayedRulesetService } from '@sluice/replica';
import { getRuleset, type Handling } from './handlers.js';
import { Relay } from './relay.js';
import { Replays } from './replays.js';

const key = 'mesh-secret';
const set = { project: 'shop', environment: 'production' };
const past = { set, revision: 1 };

function startService(service: 'config' | 'evaluation', binding: ServiceBinding): Promise<MeshServer> {
  return startServer({
    mesh: {
      identity: { service, instance: `${service}-1`, region: 'here', version: '0.0.0' },
      grpcAddr: { host: '127.0.0.1', port: 0 },
      consulAddr: undefined,
      meshKey: key,
      logLevel: 'silent',
    },
    logger: silentLogger,
    findGrant: () => undefined,
    services: [binding],
    describe: () => ({ sets: [], counters: {} }),
  });
}

/** Holds an empty set at revision 2. */
function holdingsOfTwo(): Holdings {
  const hash = Buffer.from(hashEntities([]));
  const head = { set, revision: 2, previousRevision: 0, stateHash: hash, previousStateHash: Buffer.alloc(0) };
  const frame = rawFrame({ ...head, committedAtMs: 1, upserts: [], deletions: [], isElided: false });
  const outcome = applyFrame(emptyState(set), frame);
  assert(outcome.kind === 'applied');
  const holdings = new Holdings();
  holdings.put(outcome.state, Date.now());
  return holdings;
}

/** Gives `use` a client of an evaluator that lacks a past revision; `serve` is what config does when asked for it. */
async function withHops(
  serve: (call: Call) => Promise<GetRulesetResponse>,
  use: (client: Client<typeof RulesetServiceService>) => Promise<void>,
): Promise<void> {
  const none = async function* () {};
  const answers = { listSets: () => ({ sets: [] }), watchRuleset: none, waitForRevision: () => ({ sets: [] }) };
  const config = await startService(
    'config',
    bind(RulesetServiceService, { ...answers, getRuleset: (_, call) => serve(call) }),
  );
  const authority = createAuthority({ target: `static:///${config.address}`, key });
  const holdings = holdingsOfTwo();
  const pacer = { admit: async () => undefined };
  const handling = {
    holdings,
    relay: new Relay(holdings),
    replays: new Replays(authority),
    pacer,
  } as unknown as Handling;
  const evaluator = await startService(
    'evaluation',
    bind(relayedRulesetService, {
      ...answers,
      watchRuleset: none,
      getRuleset: (request, call) => getRuleset(handling, request, call),
    }),
  );
  const client = createClient(RulesetServiceService, { target: `static:///${evaluator.address}`, key });
  try {
    await use(client);
  } finally {
    client.close();
    authority.close();
    await Promise.all([evaluator.stop(0), config.stop(0)]);
  }
}

describe('a call that an evaluator makes for another', () => {
  it('has the time of its caller, less what each hop needs to answer', async () => {
    const seen: number[] = [];
    const serve = async (call: Call): Promise<GetRulesetResponse> => {
      seen.push(call.remainingMs());
      return GetRulesetResponse.fromPartial({});
    };
    await withHops(serve, async (client) => {
      await client.getRuleset(past, { timeoutMs: 2_000 });
      const [remainingMs = Number.NaN] = seen;
      assert(remainingMs > 500 && remainingMs <= 1_960, `${remainingMs}`);
    });
  });

  it('is cancelled with it, and config hears of that', async () => {
    const arrived = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const serve = (call: Call): Promise<GetRulesetResponse> => {
      call.signal.addEventListener('abort', () => gone.resolve(), { once: true });
      arrived.resolve();
      return new Promise(() => undefined);
    };
    await withHops(serve, async (client) => {
      const controller = new AbortController();
      const isRefused = assert.rejects(client.getRuleset(past, { timeoutMs: 5_000, signal: controller.signal }), {
        kind: 'cancelled',
      });
      await arrived.promise;
      controller.abort();
      await isRefused;
      await gone.promise;
    });
  });
});
