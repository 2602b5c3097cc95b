import assert from 'node:assert/strict';
import { currentBaggage, withBaggage } from './baggage.js';
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

describe('a stream made within a call', () => {
  it('ends with the time of the caller', async () => {
    const seen: number[] = [];
    const last: Handlers = {
      watchThings: async function* (_, call) {
        seen.push(call.remainingMs());
        yield answer;
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve, { once: true }));
      },
    };
    await withClient(last, async (toLast) => {
      const getThing: Handlers['getThing'] = async (_, call) => {
        for await (const _message of toLast.watchThings(request, { within: call }));
        return answer;
      };
      await withClient({ getThing }, async (client) => {
        await assert.rejects(client.getThing(request, { timeoutMs: 400 }), { kind: 'deadline' });
        const [remainingMs = Number.NaN] = seen;
        assert(remainingMs <= 360, `${remainingMs}`);
      });
    });
  });

  it('and a conversation are cancelled with it', async () => {
    const gone = { watch: Promise.withResolvers<void>(), discuss: Promise.withResolvers<void>() };
    const arrived = Promise.withResolvers<void>();
    const last: Handlers = {
      watchThings: async function* (_, call) {
        call.signal.addEventListener('abort', () => gone.watch.resolve(), { once: true });
        yield answer;
        await gone.watch.promise;
      },
      discussThings: (call) => {
        call.signal.addEventListener('abort', () => gone.discuss.resolve(), { once: true });
        return () => answer;
      },
    };
    await withClient(last, async (toLast) => {
      const getThing: Handlers['getThing'] = async (_, call) => {
        const ended = Promise.withResolvers<void>();
        const listener = { onMessage: () => arrived.resolve(), onEnd: () => ended.resolve() };
        toLast.discussThings(listener, { within: call }).write(request);
        for await (const _message of toLast.watchThings(request, { within: call })) await arrived.promise;
        await ended.promise;
        return answer;
      };
      await withClient({ getThing }, async (client) => {
        const controller = new AbortController();
        const call = client.getThing(request, { timeoutMs, signal: controller.signal });
        const isRefused = assert.rejects(call, { kind: 'cancelled' });
        await arrived.promise;
        controller.abort();
        await isRefused;
        await Promise.all([gone.watch.promise, gone.discuss.promise]);
      });
    });
  });
});

describe('an upload', () => {
  it('carries the baggage of the request that it is made for', async () => {
    const seen: (string | undefined)[] = [];
    const uploadThings: Handlers['uploadThings'] = async (_, call) => {
      seen.push(call.baggage, currentBaggage());
      return answer;
    };
    await withClient({ uploadThings }, (client) =>
      withBaggage('a=1', async () => void (await client.uploadThings([request], { timeoutMs }))),
    );
    assert.deepEqual(seen, ['a=1', 'a=1']);
  });
});

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

describe('a server that does not come to work', () => {
  it('is asked again until half of the budget of retries is spent', async () => {
    let arrived = 0;
    const getThing: Handlers['getThing'] = () => {
      arrived++;
      throw new SluiceError('unavailable', 'Away.');
    };
    await withClient({ getThing }, async (client) => {
      const calls = 600;
      for (let sent = 0; sent < calls; sent += 100) {
        await Promise.all(Array.from({ length: 100 }, () => assert.rejects(client.getThing(request, { timeoutMs }))));
      }
      // Each failure takes one of 1,000 tokens, and below 500 nothing is repeated; what is under way may finish.
      const repeats = arrived - calls;
      assert(repeats >= 200 && repeats <= 700, `${repeats} repeated`);
      arrived = 0;
      await assert.rejects(client.getThing(request, { timeoutMs }));
      assert.equal(arrived, 1);
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
