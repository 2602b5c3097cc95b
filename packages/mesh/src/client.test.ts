import assert from 'node:assert/strict';
import { type Client, createClient } from './client.js';
import { SluiceError, unavailable } from './errors.js';
import { withFlooded } from './test/flooded.js';
import { answer, meshKey, scripted, withScripted } from './test/scripted-server.js';

type Handlers = Parameters<typeof withScripted>[0];

const timeoutMs = 5_000;
const request = { service: '' };

/** Gives `use` a client of a server that does what the handlers say. */
function withClient(handlers: Handlers, use: (client: Client<typeof scripted>) => Promise<void>): Promise<void> {
  return withScripted(handlers, async ({ address }) => {
    const client = createClient(scripted, { target: `static:///${address}`, key: meshKey });
    try {
      await use(client);
    } finally {
      client.close();
    }
  });
}

/** Resolves when the server learns that the caller is gone. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

describe('a unary call', () => {
  it('that takes too long fails with kind deadline, and the server learns of it', async () => {
    const gone = Promise.withResolvers<void>();
    const getThing: Handlers['getThing'] = async (_request, call) => {
      await aborted(call.signal);
      gone.resolve();
      return answer;
    };
    await withClient({ getThing }, async (client) => {
      const started = performance.now();
      await assert.rejects(client.getThing(request, { timeoutMs: 200 }), { name: 'SluiceError', kind: 'deadline' });
      assert(performance.now() - started >= 190);
      await gone.promise;
    });
  });

  it('shows the server less time than the caller has, so that the answer can get back', async () => {
    const seen: number[] = [];
    const getThing: Handlers['getThing'] = (_request, call) => {
      seen.push(call.remainingMs());
      return answer;
    };
    await withClient({ getThing }, async (client) => {
      await client.getThing(request, { timeoutMs });
      const [remainingMs = Number.NaN] = seen;
      assert(remainingMs > 0 && remainingMs <= timeoutMs - 20, `${remainingMs}`);
    });
  });

  it('is cancelled by its signal, here and on the server', async () => {
    const arrived = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const getThing: Handlers['getThing'] = async (_request, call) => {
      arrived.resolve();
      await aborted(call.signal);
      gone.resolve();
      return answer;
    };
    await withClient({ getThing }, async (client) => {
      const controller = new AbortController();
      const call = client.getThing(request, { timeoutMs, signal: controller.signal });
      const isRefused = assert.rejects(call, { name: 'SluiceError', kind: 'cancelled' });
      await arrived.promise;
      controller.abort();
      await isRefused;
      await gone.promise;
    });
  });

  it('with a signal that is aborted already is never sent', async () => {
    let calls = 0;
    const getThing: Handlers['getThing'] = () => {
      calls++;
      return answer;
    };
    await withClient({ getThing }, async (client) => {
      const signal = AbortSignal.abort();
      await assert.rejects(client.getThing(request, { timeoutMs, signal }), { kind: 'cancelled' });
      assert.deepEqual(await client.getThing(request, { timeoutMs }), answer);
      assert.equal(calls, 1);
    });
  });

  it('after close fails, and leaves the process alive', async () => {
    await withClient({}, async (client) => {
      client.close();
      await assert.rejects(async () => client.getThing(request, { timeoutMs }));
    });
  });
});

describe('repeating a failed call', () => {
  interface Case {
    readonly title: string;
    readonly method: 'getThing' | 'createThing';
    readonly failures: number;
    readonly error: SluiceError;
    readonly isAnswered: boolean;
    readonly calls: number;
  }
  const away = unavailable('Try again.');
  const bug = new SluiceError('internal', 'A bug.');
  const cases: readonly Case[] = [
    { title: 'a read, once', method: 'getThing', failures: 1, error: away, isAnswered: true, calls: 2 },
    { title: 'a read, thrice', method: 'getThing', failures: 3, error: away, isAnswered: true, calls: 4 },
    { title: 'a read no more than thrice', method: 'getThing', failures: 9, error: away, isAnswered: false, calls: 4 },
    {
      title: 'no read that failed otherwise',
      method: 'getThing',
      failures: 1,
      error: bug,
      isAnswered: false,
      calls: 1,
    },
    { title: 'never a write', method: 'createThing', failures: 1, error: away, isAnswered: false, calls: 1 },
  ];
  for (const { title, method, failures, error, isAnswered, calls } of cases) {
    it(`happens for ${title}`, async () => {
      let seen = 0;
      const handler = () => {
        seen++;
        if (seen <= failures) throw error;
        return answer;
      };
      await withClient({ [method]: handler }, async (client) => {
        const call = client[method](request, { timeoutMs });
        if (isAnswered) assert.deepEqual(await call, answer);
        else await assert.rejects(call, { kind: error.kind, message: error.message });
        assert.equal(seen, calls);
      });
    });
  }
});

describe('a server stream', () => {
  /** Streams until the caller is gone. */
  function endless() {
    const gone = Promise.withResolvers<void>();
    const watchThings: Handlers['watchThings'] = async function* (_request, call) {
      yield answer;
      yield answer;
      await aborted(call.signal);
      gone.resolve();
    };
    return { watchThings, gone: gone.promise };
  }

  it('gives each message, then ends', async () => {
    const watchThings: Handlers['watchThings'] = async function* () {
      for (let sent = 0; sent < 1_000; sent++) yield answer;
    };
    await withClient({ watchThings }, async (client) => {
      let seen = 0;
      for await (const message of client.watchThings(request)) {
        assert.deepEqual(message, answer);
        seen++;
      }
      assert.equal(seen, 1_000);
    });
  });

  it('that the caller leaves is cancelled on the server', async () => {
    const { watchThings, gone } = endless();
    await withClient({ watchThings }, async (client) => {
      for await (const message of client.watchThings(request)) {
        assert.deepEqual(message, answer);
        break;
      }
      await gone;
    });
  });

  it('is cancelled by its signal, here and on the server', async () => {
    const { watchThings, gone } = endless();
    await withClient({ watchThings }, async (client) => {
      const controller = new AbortController();
      let seen = 0;
      await assert.rejects(
        async () => {
          for await (const _ of client.watchThings(request, { signal: controller.signal })) {
            if (++seen === 2) controller.abort();
          }
        },
        { name: 'SluiceError', kind: 'cancelled' },
      );
      assert.equal(seen, 2);
      await gone;
    });
  });

  it('with a signal that is aborted already fails at once', async () => {
    await withClient({}, async (client) => {
      const stream = client.watchThings(request, { signal: AbortSignal.abort() });
      await assert.rejects(stream[Symbol.asyncIterator]().next(), { kind: 'cancelled' });
    });
  });

  it('that fails half-way gives what came before, then the error', async () => {
    const watchThings: Handlers['watchThings'] = async function* () {
      yield answer;
      throw unavailable('The relay is stopping.');
    };
    await withClient({ watchThings }, async (client) => {
      const seen: unknown[] = [];
      await assert.rejects(
        async () => {
          for await (const message of client.watchThings(request)) seen.push(message);
        },
        { kind: 'unavailable', message: 'The relay is stopping.' },
      );
      assert.deepEqual(seen, [answer]);
    });
  });
});

describe('an instance that is too busy to say that it lives', function () {
  this.timeout(60_000);

  it('is given up, unless its caller knows better', () =>
    withFlooded({ limits: {}, workMs: 3_000 }, async ({ port }) => {
      const ask = async (silentMs?: number): Promise<unknown> => {
        const client = createClient(scripted, { target: `static:///127.0.0.1:${port}`, key: meshKey, silentMs });
        try {
          // Nobody repeats this one.
          return await client.createThing(request, { timeoutMs: 20_000 });
        } finally {
          client.close();
        }
      };
      await assert.rejects(ask(), { kind: 'unavailable' });
      assert.deepEqual(await ask(15_000), answer);
    }));
});
