import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '@sluice/mesh';
import type { Incident } from '@sluice/proto';
import type { IncidentChange } from './incident-book.js';
import { Webhooks } from './webhooks.js';

const incident = (subject: string, endedAtMs?: number): Incident => ({
  ...{ id: `i-${subject}`, kind: 'instance', subject, region: 'eu', cause: 'does not answer', note: '' },
  ...{ startedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5), endedAtMs },
});
const began = (subject: string): IncidentChange => ({ incident: incident(subject), what: 'began' });

describe('webhooks', () => {
  let server: Server;
  let webhooks: Webhooks;
  let heard: { type: string | undefined; body: Record<string, unknown> }[];
  /** What the next posts are answered with; 200 when it is empty. */
  let answers: number[];
  let onPost: () => void;

  beforeEach(async () => {
    heard = [];
    answers = [];
    onPost = () => undefined;
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      heard.push({ type: request.headers['content-type'], body: JSON.parse(text) as Record<string, unknown> });
      response.writeHead(answers.shift() ?? 200).end();
      onPost();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    webhooks = new Webhooks([`http://127.0.0.1:${port}/hook`], { region: 'us', instance: 'health-1' }, silentLogger);
  });

  afterEach(async () => {
    await webhooks.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Resolves when so many posts were heard. */
  const heardOf = (count: number): Promise<void> =>
    new Promise((resolve) => {
      onPost = () => heard.length >= count && resolve();
      onPost();
    });
  const subjects = () => heard.map(({ body }) => body.subject);

  it('tell what began and what ended, who saw it, and by which key observers agree', async () => {
    const told = heardOf(2);
    webhooks.tell([began('a'), { incident: incident('b', Date.UTC(2026, 0, 2, 3, 5)), what: 'ended' }]);
    await told;
    assert.deepEqual(heard[0], {
      type: 'application/json',
      body: {
        event: 'began',
        key: 'instance/eu/a',
        seenFrom: 'us',
        seenBy: 'health-1',
        id: 'i-a',
        kind: 'instance',
        subject: 'a',
        region: 'eu',
        cause: 'does not answer',
        startedAt: '2026-01-02T03:04:05.000Z',
        endedAt: null,
      },
    });
    assert.deepEqual([heard[1]?.body.event, heard[1]?.body.endedAt], ['ended', '2026-01-02T03:05:00.000Z']);
  });

  it('repeat what was not taken, and keep the order meanwhile', async () => {
    answers = [503];
    const told = heardOf(3);
    webhooks.tell([began('a')]);
    webhooks.tell([began('b')]);
    await told;
    assert.deepEqual(subjects(), ['a', 'a', 'b']);
  });

  it('end with their service, also in the middle of a pause', async () => {
    answers = [500, 500, 500, 500, 500];
    const told = heardOf(1);
    webhooks.tell([began('a')]);
    await told;
    await webhooks.close();
    assert.deepEqual(subjects(), ['a']);
  });

  it('drop the oldest when a receiver does not keep up', async () => {
    webhooks.tell(Array.from({ length: 1_101 }, (_, at) => began(String(at))));
    await heardOf(1_001);
    // The first was under way already.
    assert.deepEqual([subjects()[0], subjects()[1], subjects().at(-1)], ['0', '101', '1100']);
  });
});
