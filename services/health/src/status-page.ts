import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connectionsMax, type Metrics, type Principal } from '@sluice/mesh';
import { getIncidents, getMesh, getSlo, type Handling } from './handlers.js';
import { statusDocument } from './status-document.js';

/** Whoever can reach the page sees the whole mesh, but no keys, no rulesets and no counters. */
const visitor: Pick<Principal, 'kind' | 'project' | 'environment'> = { kind: 'console', project: '', environment: '' };

/** Readers of the page that are told of changes at a time: scrapers and load balancers need connections too. */
export const readersMax: number = Math.floor(connectionsMax / 2);
const toldEveryMs = 1_000;
/** Incidents on the page; those that go on come first. */
const incidentsShown = 20;

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
  const { incidents } = getIncidents(handling, { isOpenOnly: false, limit: 1_000, region: '' }, call);
  const open = incidents.filter(({ endedAtMs }) => endedAtMs === undefined);
  const ended = incidents.filter(({ endedAtMs }) => endedAtMs !== undefined);
  return statusDocument(mesh, slos, [...open, ...ended].slice(0, incidentsShown));
}

interface Reader {
  readonly response: ServerResponse;
  last: string;
}

/** Server-sent events: one for each second in which something changed, the same for all readers. */
function streamOf(read: () => string): (request: IncomingMessage, response: ServerResponse) => void {
  const readers = new Set<Reader>();
  let timer: NodeJS.Timeout | undefined;
  const tellAll = (): void => {
    const text = read();
    for (const reader of readers) tell(reader, text);
  };
  return (request, response) => {
    if (readers.size >= readersMax)
      return send(response, 503, 'text/plain', 'Too many readers; the page asks again.\n');
    const reader = { response, last: '' };
    readers.add(reader);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    tell(reader, read());
    timer ??= setInterval(tellAll, toldEveryMs);
    request.once('close', () => {
      readers.delete(reader);
      if (readers.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    });
  };
}

function tell(reader: Reader, text: string): void {
  // One that does not read gets no more until it does.
  if (text === reader.last || reader.response.writableNeedDrain) return;
  reader.last = text;
  reader.response.write(`data: ${text}\n\n`);
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
