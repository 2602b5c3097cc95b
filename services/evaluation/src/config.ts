import { integer, type MeshConfig, readEnv, readMeshConfig } from '@sluice/mesh';
import { z } from 'zod';

export interface EvaluationConfig extends MeshConfig {
  readonly natsUrl: string;
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
    stateDir: settings.SLUICE_STATE_DIR,
    configTarget: settings.CONFIG_TARGET,
    ingestionTarget: settings.INGESTION_TARGET,
    staleAfterMs: settings.EVALUATION_STALE_AFTER_MS,
    exposuresMax: settings.EVALUATION_EXPOSURES_MAX,
  });
}
