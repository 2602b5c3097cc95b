import { integer, type MeshConfig, readEnv, readMeshConfig } from '@sluice/mesh';
import { z } from 'zod';

export interface IngestionConfig extends MeshConfig {
  /** PostgreSQL with the schema `events`. */
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** Where known SDK keys are remembered, so that ingestion starts without config and NATS. */
  readonly stateDir: string;
  /** Where config answers; found through Consul unless it is set. */
  readonly configTarget: string;
  /** Size of the event log in bytes; when it is full, events are refused rather than old ones dropped. */
  readonly eventsBytesMax: number;
  /** How long the log may take to acknowledge, in milliseconds. */
  readonly logTimeoutMs: number;
}

const mebibyte = 1024 * 1024;

/** @throws ConfigError with a sentence for each variable that is missing or wrong. */
export function readIngestionConfig(env: NodeJS.ProcessEnv): IngestionConfig {
  const mesh = readMeshConfig('ingestion', env);
  const settings = readEnv(
    {
      INGESTION_DATABASE_URL: z.string(),
      NATS_URL: z.string(),
      SLUICE_STATE_DIR: z.string(),
      CONFIG_TARGET: z.string().default('consul:///config'),
      EVENTS_MAX_BYTES: integer(mebibyte, 1024 * 1024 * mebibyte).default(4096 * mebibyte),
      LOG_TIMEOUT_MS: integer(50, 30_000).default(2_000),
    },
    env,
  );
  return Object.freeze({
    ...mesh,
    databaseUrl: settings.INGESTION_DATABASE_URL,
    natsUrl: settings.NATS_URL,
    stateDir: settings.SLUICE_STATE_DIR,
    configTarget: settings.CONFIG_TARGET,
    eventsBytesMax: settings.EVENTS_MAX_BYTES,
    logTimeoutMs: settings.LOG_TIMEOUT_MS,
  });
}
