import { type MeshConfig, readEnv, readMeshConfig, secretFile } from '@sluice/mesh';
import { z } from 'zod';

export interface ConfigConfig {
  readonly mesh: MeshConfig;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** Secret of the first console key; absent when keys exist already. */
  readonly rootKey: string | undefined;
}

/** @throws ConfigError naming each variable that is missing or wrong. */
export function readConfigConfig(env: NodeJS.ProcessEnv): ConfigConfig {
  const mesh = readMeshConfig('config', env);
  const settings = readEnv(
    {
      CONFIG_DATABASE_URL: z.url('it must be a URL such as postgres://user:password@127.0.0.1:5432/sluice'),
      NATS_URL: z.string(),
      CONFIG_ROOT_KEY_FILE: secretFile().optional(),
    },
    env,
  );
  return Object.freeze({
    mesh,
    databaseUrl: settings.CONFIG_DATABASE_URL,
    natsUrl: settings.NATS_URL,
    rootKey: settings.CONFIG_ROOT_KEY_FILE,
  });
}
