import { integer, type MeshConfig, type Regions, readEnv, readMeshConfig, readRegions } from '@sluice/mesh';
import { z } from 'zod';

export interface EvaluationConfig extends MeshConfig {
  readonly natsUrl: string;
  /** How many NATS servers hold each stream; 1 unless said. */
  readonly natsReplicas?: number | undefined;
  /** How the mesh is spread; one region unless said. */
  readonly regions?: Regions | undefined;
  /** Where last-known-good rulesets are kept. */
  readonly stateDir: string;
  /** Where config answers; found through Consul unless it is set. */
  readonly configTarget: string;
  /** Where exposures go; found through Consul unless it is set. */
  readonly ingestionTarget: string;
  /** Answers from a ruleset that was not known to be the newest for this long say that they are stale. */
  readonly staleAfterMs: number;
  /** Exposures that may wait for ingestion; more are dropped and counted. */
  readonly exposuresMax: number;
}

/** @throws ConfigError with a sentence for each variable that is missing or wrong. */
export function readEvaluationConfig(env: NodeJS.ProcessEnv): EvaluationConfig {
  const mesh = readMeshConfig('evaluation', env);
  const settings = readEnv(
    {
      NATS_URL: z.string(),
      NATS_REPLICAS: integer(1, 5).default(1),
      SLUICE_STATE_DIR: z.string(),
      CONFIG_TARGET: z.string().default('consul:///config'),
      INGESTION_TARGET: z.string().default('consul:///ingestion'),
      EVALUATION_STALE_AFTER_MS: integer(1, 7 * 24 * 3_600_000).default(60_000),
      EVALUATION_EXPOSURES_MAX: integer(1, 1_000_000).default(50_000),
    },
    env,
  );
  return Object.freeze({
    ...mesh,
    natsUrl: settings.NATS_URL,
    natsReplicas: settings.NATS_REPLICAS,
    regions: readRegions(mesh.identity.region, env),
    stateDir: settings.SLUICE_STATE_DIR,
    configTarget: settings.CONFIG_TARGET,
    ingestionTarget: settings.INGESTION_TARGET,
    staleAfterMs: settings.EVALUATION_STALE_AFTER_MS,
    exposuresMax: settings.EVALUATION_EXPOSURES_MAX,
  });
}
