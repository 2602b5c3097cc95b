import {
  ConfigError,
  integer,
  type MeshConfig,
  type Regions,
  readEnv,
  readMeshConfig,
  readRegions,
  secretFile,
} from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';
import { z } from 'zod';

export interface HealthConfig extends MeshConfig {
  /** Consul is what this service watches: here it is required. */
  readonly consulAddr: string;
  readonly natsUrl: string;
  /** Where the SDK keys known last are remembered. */
  readonly stateDir: string;
  /** Where config answers; found through Consul unless it is set. */
  readonly configTarget: string;
  /** How often every instance is asked, in milliseconds. */
  readonly probeEveryMs: number;
  /** How long an instance may take to answer, in milliseconds. */
  readonly probeTimeoutMs: number;
  /** How long an instance that left Consul and does not answer is still shown, in milliseconds. */
  readonly goneKeptMs: number;
  /** How long one that crashed is still shown when nothing takes its place, in milliseconds. */
  readonly crashedKeptMs: number;
  /** Secret of the first console key, which is known here before any ruleset carries it; absent to know none. */
  readonly rootKey: string | undefined;
  readonly regions: Regions;
  /** The set that synthetic probes use, as `<project>/<environment>`; undefined for no probes. */
  readonly canarySet: SetRef | undefined;
  /** Told of incidents by HTTP POST. */
  readonly webhooks: readonly string[];
}

/** @throws ConfigError with a sentence for each variable that is missing or wrong. */
export function readHealthConfig(env: NodeJS.ProcessEnv): HealthConfig {
  const mesh = readMeshConfig('health', env);
  const settings = readEnv(
    {
      NATS_URL: z.string(),
      SLUICE_STATE_DIR: z.string(),
      CONFIG_TARGET: z.string().default('consul:///config'),
      PROBE_EVERY_MS: integer(50, 60_000).default(1_000),
      PROBE_TIMEOUT_MS: integer(50, 60_000).default(800),
      GONE_KEPT_MS: integer(0, 86_400_000).default(60_000),
      CRASHED_KEPT_MS: integer(0, 604_800_000).default(86_400_000),
      HEALTH_ROOT_KEY_FILE: secretFile().optional(),
      HEALTH_CANARY_SET: z
        .string()
        .regex(
          /^([a-z0-9-]+\/[a-z0-9-]+|off)$/,
          'it must be a project and an environment, such as sluice/canary, or off',
        )
        .default('sluice/canary'),
      HEALTH_WEBHOOKS: z
        .string()
        .default('')
        .refine((text) => urlsIn(text).every((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? '')), {
          error: 'it must be http or https URLs with commas between',
        }),
    },
    env,
  );
  const { consulAddr } = mesh;
  if (consulAddr === undefined) throw new ConfigError(['CONSUL_HTTP_ADDR is not set.']);
  return Object.freeze({
    ...mesh,
    consulAddr,
    natsUrl: settings.NATS_URL,
    stateDir: settings.SLUICE_STATE_DIR,
    configTarget: settings.CONFIG_TARGET,
    probeEveryMs: settings.PROBE_EVERY_MS,
    probeTimeoutMs: settings.PROBE_TIMEOUT_MS,
    goneKeptMs: settings.GONE_KEPT_MS,
    crashedKeptMs: settings.CRASHED_KEPT_MS,
    rootKey: settings.HEALTH_ROOT_KEY_FILE,
    regions: readRegions(mesh.identity.region, env),
    canarySet: setIn(settings.HEALTH_CANARY_SET),
    webhooks: urlsIn(settings.HEALTH_WEBHOOKS),
  });
}

const urlsIn = (text: string): string[] =>
  text
    .split(',')
    .map((url) => url.trim())
    .filter((url) => url !== '');

function setIn(text: string): SetRef | undefined {
  const [project = '', environment = ''] = text.split('/');
  return text === 'off' ? undefined : { project, environment };
}
