import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Metrics, Principal } from '@sluice/mesh';
import { getIncidents, getMesh, getSlo, type Handling } from './handlers.js';
import { statusDocument } from './status-document.js';

/** Whoever can reach the page sees the whole mesh, but no keys, no rulesets and no counters. */
const visitor: Pick<Principal, 'kind' | 'project' | 'environment'> = { kind: 'console', project: '', environment: '' };

/** Readers of the page that are told of changes at a time. */
const readersMax = 100;
const toldEveryMs = 1_000;

const page = readFileSync(new URL('../public/status.html', import.meta.url), 'utf8');

/**
 * The page for people at `/`, its data at `/status.json` and, live, at `/status.events`; `/healthz`
 * for load balancers.
 */
export function addStatusPage(
  metrics: Pick<Metrics, 'page'>,
  handling: Handling,
  watchFault: () => string | undefined,
): void {
  const read = (): string => JSON.stringify(readStatus(handling));
  metrics.page('/', (_request, response) => send(response, 200, 'text/html; charset=utf-8', page));
  metrics.page('/status.json', (_request, response) => send(response, 200, 'application/json', read()));
  metrics.page('/status.events', streamOf(read));
  metrics.page('/healthz', (_request, response) => {
    const fault = watchFault();
    send(response, fault === undefined ? 200 : 503, 'text/plain; charset=utf-8', `${fault ?? 'ok'}\n`);
  });
}

function readStatus(handling: Handling) {
  const call = { principal: { ...visitor, canWrite: false, label: 'status page', digest: '' } };
  const mesh = getMesh(handling, {}, call);
  const { slos } = getSlo(handling, { region: '' }, call);
  const { incidents } = getIncidents(handling, { isOpenOnly: false, limit: 20, region: '' }, call);
  return statusDocument(mesh, slos, incidents);
}

/** Server-sent events: one for each second in which something changed. */
function streamOf(read: () => string): (request: IncomingMessage, response: ServerResponse) => void {
  let readers = 0;
  return (request, response) => {
    if (readers >= readersMax) return send(response, 503, 'text/plain', 'Too many readers; the page asks again.\n');
    readers += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    let last = '';
    const tell = (): void => {
      const text = read();
      // One that does not read gets no more until it does.
      if (text === last || response.writableNeedDrain) return;
      last = text;
      response.write(`data: ${text}\n\n`);
    };
    tell();
    const timer = setInterval(tell, toldEveryMs);
    request.once('close', () => {
      readers -= 1;
      clearInterval(timer);
    });
  };
}

const headers = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'",
  'x-content-type-options': 'nosniff',
};

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { ...headers, 'content-type': type }).end(body);
}
