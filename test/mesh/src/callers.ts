/** Who asks evaluators in the stories, and what is found of how they fare. */
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { createClient } from '@sluice/mesh';
import { type EvaluateResponse, EvaluationServiceService } from '@sluice/proto';
import type { TestProcess } from '@sluice/testkit';
import type { EvaluationClient, Lab } from './lab.js';
import { describeLoad, type LoadReport } from './load.js';
import type { Finding } from './story.js';

export const seenGoalMs = 3_000;

/** Load before the fault, and after it has been undone. */
export const quietMs = 500;

export const evaluatorsOf = ({ mesh }: Lab, region: string): TestProcess[] =>
  [1, 2].map((n) => mesh.process(`${region}-evaluation-${n}`));

export function judge({ p99MaxMs }: Lab, report: LoadReport): Finding {
  const isMet = report.calls > 0 && report.failed === 0 && report.p99Ms <= p99MaxMs;
  return { measured: describeLoad(report), isMet };
}

export function seen(what: string, namedMs: number, clearedMs: number): Finding {
  const measured = `${what} named after ${(namedMs / 1_000).toFixed(1)} s, cleared ${(clearedMs / 1_000).toFixed(1)} s after`;
  return { measured, isMet: namedMs <= seenGoalMs };
}

/** A caller who knows these addresses and no others: no Consul, and no second tier. */
export async function withOnly<T>(
  { mesh }: Lab,
  processes: readonly TestProcess[],
  tell: (client: EvaluationClient) => Promise<T>,
): Promise<T> {
  const target = `static:///${processes.map(({ address }) => address).join()}`;
  const client = createClient(EvaluationServiceService, { target, key: mesh.rootKey });
  try {
    return await tell(client);
  } finally {
    client.close();
  }
}

/** A caller as gRPC makes it: every address in turn, whatever became of the calls before. */
export function bareClient(processes: readonly TestProcess[], key: string): EvaluationClient {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  const clients = processes.map(({ address }) => new Client(address, credentials.createInsecure()));
  const { path, requestSerialize, responseDeserialize } = EvaluationServiceService.evaluate;
  let turn = 0;
  const evaluate: EvaluationClient['evaluate'] = (request, { timeoutMs }) =>
    new Promise((resolve, reject) => {
      const client = clients[turn++ % clients.length];
      const deadline = Date.now() + timeoutMs;
      client?.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, value) => (error ? reject(error) : resolve(value as EvaluateResponse)),
      );
    });
  return { evaluate, close: () => clients.forEach((client) => void client.close()) } as unknown as EvaluationClient;
}
