/** Who asks evaluators in the stories, and what is found of how they fare. */
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { createClient } from '@sluice/mesh';
import { type EvaluateResponse, EvaluationServiceService } from '@sluice/proto';
import type { TestProcess } from '@sluice/testkit';
import type { EvaluationClient, Lab } from './lab.js';
import { describeLoad, type LoadReport } from './load.js';
import type { Finding } from './story.js';

export const evaluatorsOf = ({ mesh }: Lab, region: string): TestProcess[] =>
  [1, 2].map((n) => mesh.process(`${region}-evaluation-${n}`));

const p99GoalMs = 150;

export function judge(lab: Lab, report: LoadReport): Finding {
  const isMet = report.calls > 0 && report.failed === 0 && report.p99Ms <= lab.goal(p99GoalMs);
  return { measured: describeLoad(report), isMet };
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

/** Does something with other settings of some processes, and puts them back. */
export async function withEnv<T>(
  processes: readonly TestProcess[],
  env: Readonly<Record<string, string>>,
  tell: () => Promise<T>,
): Promise<T> {
  try {
    for (const process of processes) await process.restart(env);
    return await tell();
  } finally {
    for (const process of processes) await process.restart();
  }
}
