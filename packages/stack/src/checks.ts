import { createClient } from '@sluice/mesh';
import { HealthCheckResponse_ServingStatus, HealthService } from '@sluice/proto';
import pg from 'pg';
import type { Check } from './process-spec.js';

const checkTimeoutMs = 1_500;

/**
 * Asks a process whether it does its work.
 * @returns nothing when it does, else why not, in a few words.
 */
export async function problemOf(check: Check): Promise<string | undefined> {
  try {
    return await ask(check);
  } catch (error) {
    return inWords(error as NodeJS.ErrnoException);
  }
}

function inWords({ message, code, cause }: NodeJS.ErrnoException): string {
  const deeper = (cause as NodeJS.ErrnoException | undefined)?.code;
  const known = [code, deeper].find((one) => typeof one === 'string');
  if (known === 'ECONNREFUSED' || message.includes('ECONNREFUSED')) return 'nobody listens';
  return known ?? message;
}

function ask(check: Check): Promise<string | undefined> {
  switch (check.kind) {
    case 'consul':
      return askConsul(check.address);
    case 'nats':
      return askNats(check.address);
    case 'postgres':
      return askPostgres(check.url);
    case 'grpc':
      return askGrpc(check.address);
    case 'http':
      return askHttp(check.url);
    default: {
      const never: never = check;
      return never;
    }
  }
}

const get = (url: string) => fetch(url, { signal: AbortSignal.timeout(checkTimeoutMs) });

async function askConsul(address: string): Promise<string | undefined> {
  const response = await get(`http://${address}/v1/status/leader`);
  return response.ok && (await response.json()) !== '' ? undefined : 'has no leader yet';
}

async function askNats(address: string): Promise<string | undefined> {
  const response = await get(`http://${address}/healthz`);
  const { status, error } = (await response.json()) as { status: string; error?: string };
  return response.ok && status === 'ok' ? undefined : (error ?? status);
}

async function askPostgres(url: string): Promise<string | undefined> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: checkTimeoutMs,
    query_timeout: checkTimeoutMs,
    application_name: 'sluice-stack',
  });
  // An idle connection that breaks must not end this process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function askGrpc(address: string): Promise<string | undefined> {
  const client = createClient(HealthService, { target: `static:///${address}` });
  try {
    const { status } = await client.check({ service: '' }, { timeoutMs: checkTimeoutMs });
    return status === HealthCheckResponse_ServingStatus.SERVING ? undefined : 'not serving yet';
  } finally {
    client.close();
  }
}

async function askHttp(url: string): Promise<string | undefined> {
  const response = await get(url);
  await response.body?.cancel();
  return response.ok ? undefined : `answers ${response.status}`;
}
