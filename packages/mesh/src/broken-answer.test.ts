import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createClient } from './client.js';
import { answer, scripted } from './test/scripted-server.js';

const headers = { ':status': 200, 'content-type': 'application/grpc' } as const;

function sendAnswer(stream: ServerHttp2Stream): void {
  const message = scripted.getThing.responseSerialize(answer);
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  stream.respond(headers, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(frame);
}

/** A server that breaks its connection off behind the headers of the first answers; `asked` has the methods in order. */
async function withBreaking(
  breaks: number,
  use: (client: ReturnType<typeof createClient<typeof scripted>>, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer();
  server.on('stream', (opened, { ':path': path = '' }) => {
    const stream = opened as ServerHttp2Stream;
    asked.push(path.slice(path.lastIndexOf('/') + 1));
    stream.on('error', () => undefined);
    if (asked.length > breaks) return sendAnswer(stream);
    stream.respond(headers);
    // The headers have to be on their way before the end.
    setImmediate(() => setImmediate(() => stream.session?.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = createClient(scripted, { target: `static:///127.0.0.1:${(server.address() as AddressInfo).port}` });
  try {
    await use(client, asked);
  } finally {
    client.close();
    server.close();
  }
}

describe('an answer that breaks off', () => {
  it('is asked for once more, where that is harmless', () =>
    withBreaking(1, async (client, asked) => {
      assert.deepEqual(await client.getThing({ service: '' }, { timeoutMs: 5_000 }), answer);
      assert.deepEqual(asked, ['GetThing', 'GetThing']);
    }));

  it('fails where asking again might do something twice', () =>
    withBreaking(1, async (client, asked) => {
      await assert.rejects(client.createThing({ service: '' }, { timeoutMs: 5_000 }), { kind: 'unavailable' });
      assert.deepEqual(asked, ['CreateThing']);
    }));

  it('is asked for no more than once', () =>
    withBreaking(9, async (client, asked) => {
      await assert.rejects(client.getThing({ service: '' }, { timeoutMs: 5_000 }), { kind: 'unavailable' });
      assert.deepEqual(asked, ['GetThing', 'GetThing']);
    }));
});
