/** Evaluators in this process, on real servers, for tests of the change stream. */
import assert from 'node:assert/strict';
import { startEvaluation } from '@sluice/evaluation';
import { type Client, createClient, Scope } from '@sluice/mesh';
import { EvaluationServiceService, HealthService, Kind, RulesetServiceService, type SetRef, User } from '@sluice/proto';
import { timeoutMs } from './authority.js';

export const meshKey = 'mesh-of-the-tests';
/** A port on which nobody listens. */
export const nowhere = 'static:///127.0.0.1:1';

export interface EvaluatorPlaces {
  readonly natsUrl: string;
  readonly configTarget: string;
  readonly stateDir: string;
  readonly instance?: string;
  readonly staleAfterMs?: number;
}

export interface RunningEvaluator {
  readonly address: string;
  readonly evaluation: Client<typeof EvaluationServiceService>;
  readonly rulesets: Client<typeof RulesetServiceService>;
  isServing(): Promise<boolean>;
  /** Revision held of a set; 0 for none. */
  revisionOf(set: SetRef): Promise<number>;
  stop(): Promise<void>;
}

export async function startEvaluator(places: EvaluatorPlaces): Promise<RunningEvaluator> {
  const { instance = 'evaluation-1', staleAfterMs = 60_000, ...rest } = places;
  const scope = new Scope();
  const { address } = await startEvaluation(
    {
      identity: { service: 'evaluation', instance, region: 'test', version: '0' },
      grpcAddr: { host: '127.0.0.1', port: 0 },
      consulAddr: undefined,
      meshKey,
      logLevel: 'silent',
      staleAfterMs,
      exposuresMax: 1_000,
      ingestionTarget: nowhere,
      ...rest,
    },
    scope,
  );
  // The evaluator's own scope only: clients of a test must not decide when its server is done.
  const clients: { close(): void }[] = [];
  const clientOf = <D extends object>(definition: D): Client<D> => {
    const client = createClient(definition, { target: `static:///${address}`, key: meshKey });
    clients.push(client);
    return client;
  };
  const rulesets = clientOf(RulesetServiceService);
  const health = clientOf(HealthService);
  return {
    address,
    evaluation: clientOf(EvaluationServiceService),
    rulesets,
    isServing: async () => (await health.check({ service: '' }, { timeoutMs })).status === 1,
    revisionOf: async ({ project, environment }) => {
      const { sets } = await rulesets.listSets({}, { timeoutMs });
      const held = sets.find(({ set }) => set?.project === project && set.environment === environment);
      return held?.revision ?? 0;
    },
    stop: async () => {
      const failed = await scope.close();
      for (const client of clients) client.close();
      assert.deepEqual(failed, []);
    },
  };
}

/** Asks for one gate. */
export const questionOf = (set: SetRef, name: string) => ({
  set,
  keys: [{ kind: Kind.GATE, name }],
  user: User.create({ userId: 'u' }),
  minRevision: 0,
  atRevision: 0,
  isExposureDisabled: true,
});
