import { integer, type MeshConfig, type Regions, readEnv, readMeshConfig, readRegions } from '@sluice/mesh';
import { z } from 'zod';
import type { Retention } from './house/retention.js';

export interface IngestionConfig extends MeshConfig {
  /** PostgreSQL with the schema `events`. */
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** How many NATS servers hold each stream; 1 unless said. */
  readonly natsReplicas?: number | undefined;
  /** How the mesh is spread; one region unless said. */
  readonly regions?: Regions | undefined;
  /** Where known SDK keys are remembered, so that ingestion starts without config and NATS. */
  readonly stateDir: string;
  /** Where config answers; found through Consul unless it is set. */
  readonly configTarget: string;
  /** Size of the event log in bytes, all shards together; when it is full, events are refused rather than old ones dropped. */
  readonly eventsBytesMax: number;
  /** How long the log may take to acknowledge, in milliseconds. */
  readonly logTimeoutMs: number;
  /** Size of the spool on this instance's disk in bytes; when it is full, events are refused. */
  readonly spoolBytesMax: number;
  /** How long the oldest spooled event may wait for the log before new ones are refused, in milliseconds. */
  readonly spoolAgeMaxMs: number;
  /** What events under keys that could not be checked may take of the disk. */
  readonly unverifiedBytesMax: number;
  readonly retention: Retention;
}

const mebibyte = 1024 * 1024;
const days = integer(2, 3_650);

/** @throws ConfigError with a sentence for each variable that is missing or wrong. */
export function readIngestionConfig(env: NodeJS.ProcessEnv): IngestionConfig {
  const mesh = readMeshConfig('ingestion', env);
  const settings = readEnv(
    {
      INGESTION_DATABASE_URL: z.string(),
      NATS_URL: z.string(),
      NATS_REPLICAS: integer(1, 5).default(1),
      SLUICE_STATE_DIR: z.string(),
      CONFIG_TARGET: z.string().default('consul:///config'),
      EVENTS_MAX_BYTES: integer(mebibyte, 1024 * 1024 * mebibyte).default(4096 * mebibyte),
      LOG_TIMEOUT_MS: integer(50, 30_000).default(2_000),
      SPOOL_MAX_BYTES: integer(mebibyte, 1024 * 1024 * mebibyte).default(1024 * mebibyte),
      UNVERIFIED_MAX_BYTES: integer(mebibyte, 1024 * 1024 * mebibyte).default(64 * mebibyte),
      SPOOL_MAX_AGE_MS: integer(1_000, 30 * 86_400_000).default(86_400_000),
      EVENTS_RETENTION_DAYS: days.default(400),
      EXPOSURES_RETENTION_DAYS: days.optional(),
      USAGE_RETENTION_DAYS: days.default(1_100),
      BOOKS_RETENTION_DAYS: days.optional(),
      DEAD_LETTERS_RETENTION_DAYS: days.optional(),
    },
    env,
  );
  return Object.freeze({
    ...mesh,
    databaseUrl: settings.INGESTION_DATABASE_URL,
    natsUrl: settings.NATS_URL,
    natsReplicas: settings.NATS_REPLICAS,
    regions: readRegions(mesh.identity.region, env),
    stateDir: settings.SLUICE_STATE_DIR,
    configTarget: settings.CONFIG_TARGET,
    eventsBytesMax: settings.EVENTS_MAX_BYTES,
    logTimeoutMs: settings.LOG_TIMEOUT_MS,
    spoolBytesMax: settings.SPOOL_MAX_BYTES,
    unverifiedBytesMax: settings.UNVERIFIED_MAX_BYTES,
    spoolAgeMaxMs: settings.SPOOL_MAX_AGE_MS,
    retention: retentionOf(settings),
  });
}

interface RetentionSettings {
  readonly EVENTS_RETENTION_DAYS: number;
  readonly EXPOSURES_RETENTION_DAYS?: number | undefined;
  readonly USAGE_RETENTION_DAYS: number;
  readonly BOOKS_RETENTION_DAYS?: number | undefined;
  readonly DEAD_LETTERS_RETENTION_DAYS?: number | undefined;
}

/** What is not said is kept as long as events are. */
function retentionOf(settings: RetentionSettings): Retention {
  const eventsDays = settings.EVENTS_RETENTION_DAYS;
  return {
    eventsDays,
    exposuresDays: settings.EXPOSURES_RETENTION_DAYS ?? eventsDays,
    usageDays: settings.USAGE_RETENTION_DAYS,
    booksDays: settings.BOOKS_RETENTION_DAYS ?? eventsDays,
    deadLettersDays: settings.DEAD_LETTERS_RETENTION_DAYS ?? eventsDays,
  };
}
