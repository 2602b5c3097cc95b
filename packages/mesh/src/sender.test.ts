import assert from 'node:assert/strict';
import { type Client, createClient } from './client.js';
import { SluiceError } from './errors.js';
import { answer, meshKey, scripted, withScripted } from './test/scripted-server.js';

type Handlers = Parameters<typeof withScripted>[0];
type ScriptedClient = Client<typeof scripted>;

const request = { service: '' };
const timeoutMs = 5_000;

/** Gives `use` a client of the servers at these addresses. */
async function withClientOf(
  addresses: readonly string[],
  use: (client: ScriptedClient) => Promise<void>,
): Promise<void> {
  const client = createClient(scripted, { target: `static:///${addresses.join(',')}`, key: meshKey });
  try {
    await use(client);
  } finally {
    client.close();
  }
}

const withClient = (handlers: Handlers, use: (client: ScriptedClient) => Promise<void>): Promise<void> =>
  withScripted(handlers, ({ address }) => withClientOf([address], use));

/** Two hops: the first server asks the second one within the call that it serves. */
function withTwoHops(last: Handlers['getThing'], use: (client: ScriptedClient) => Promise<void>): Promise<void> {
  return withClient({ ...(last ? { getThing: last } : {}) }, (toLast) =>
    withClient({ getThing: (_, call) => toLast.getThing(request, { timeoutMs: 60_000, within: call }) }, use),
  );
}

const busy = new SluiceError('unavailable', 'Busy.', { retryAfterMs: 300 });

describe('a call made within another', () => {
  it('has no more time than the caller of that one, less what each hop needs to answer', async () => {
    const seen: number[] = [];
    const last: Handlers['getThing'] = (_, call) => {
      seen.push(call.remainingMs());
      return answer;
    };
    await withTwoHops(last, async (client) => {
      await client.getThing(request, { timeoutMs: 2_000 });
      const [remainingMs = Number.NaN] = seen;
      assert(remainingMs > 1_000 && remainingMs <= 1_960, `${remainingMs}`);
    });
  });

  it('is cancelled when that one is', async () => {
    const arrived = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const last: Handlers['getThing'] = (_, call) => {
      arrived.resolve();
      call.signal.addEventListener('abort', () => gone.resolve(), { once: true });
      return new Promise(() => undefined);
    };
    await withTwoHops(last, async (client) => {
      const controller = new AbortController();
      const call = client.getThing(request, { timeoutMs, signal: controller.signal });
      const isRefused = assert.rejects(call, { kind: 'cancelled' });
      await arrived.promise;
      controller.abort();
      await isRefused;
      await gone.promise;
    });
  });

  it('is not sent when no time is left', async () => {
    let calls = 0;
    const getThing: Handlers['getThing'] = () => {
      calls++;
      return answer;
    };
    await withClient({ getThing }, async (client) => {
      const within = { remainingMs: () => -1, signal: new AbortController().signal };
      await assert.rejects(client.getThing(request, { timeoutMs, within }), { kind: 'deadline' });
      assert.equal(calls, 0);
    });
  });
});

describe('a server that says when to come back', () => {
  it('is not asked again before', async () => {
    const arrivals: number[] = [];
    const getThing: Handlers['getThing'] = () => {
      arrivals.push(performance.now());
      if (arrivals.length === 1) throw busy;
      return answer;
    };
    await withClient({ getThing }, async (client) => {
      await client.getThing(request, { timeoutMs });
      const [first = 0, second = 0] = arrivals;
      assert.equal(arrivals.length, 2);
      assert(second - first >= 295, `${second - first} ms`);
    });
  });

  it('is asked less and less when it says so to everybody', async () => {
    let arrived = 0;
    const createThing: Handlers['createThing'] = () => {
      arrived++;
      throw busy;
    };
    await withClient({ createThing }, async (client) => {
      const errors: SluiceError[] = [];
      for (let sent = 0; sent < 200; sent++) {
        await client.createThing(request, { timeoutMs }).catch((error: SluiceError) => errors.push(error));
      }
      assert.equal(errors.length, 200);
      assert(arrived >= 10 && arrived < 150, `${arrived} arrived`);
      const kept = errors.filter(({ message }) => /not sent/.test(message));
      assert.equal(kept.length, 200 - arrived);
      for (const { kind, retryAfterMs } of kept) assert(kind === 'unavailable' && (retryAfterMs ?? 0) > 0);
    });
  });

  it('is asked as before when it only is wrong about one call after the other', async () => {
    let arrived = 0;
    const createThing: Handlers['createThing'] = () => {
      arrived++;
      throw new SluiceError('invalid', 'No.');
    };
    await withClient({ createThing }, async (client) => {
      for (let sent = 0; sent < 200; sent++)
        await assert.rejects(client.createThing(request, { timeoutMs }), { kind: 'invalid' });
      assert.equal(arrived, 200);
    });
  });
});

describe('of two servers, one of which fails all calls', () => {
  /** How many calls still reach it once a second has passed. */
  async function arrivalsAfterASecond(failure: SluiceError): Promise<number> {
    let arrived = 0;
    const failing: Handlers['createThing'] = () => {
      arrived++;
      throw failure;
    };
    await withScripted({ createThing: failing }, (bad) =>
      withScripted({}, (good) =>
        withClientOf([bad.address, good.address], async (client) => {
          const call = () => client.createThing(request, { timeoutMs }).catch(() => undefined);
          const untilMs = performance.now() + 1_200;
          while (performance.now() < untilMs) await call();
          arrived = 0;
          for (let sent = 0; sent < 40; sent++) await call();
        }),
      ),
    );
    return arrived;
  }

  it('the sick one is left alone', async () => {
    assert.equal(await arrivalsAfterASecond(new SluiceError('internal', 'A bug.')), 0);
  });

  it('the busy one stays, for its share would only make the other one busy, too', async () => {
    assert((await arrivalsAfterASecond(busy)) >= 10);
  });

  it('the one that refuses wrong requests stays', async () => {
    assert((await arrivalsAfterASecond(new SluiceError('invalid', 'No.'))) >= 10);
  });
});
