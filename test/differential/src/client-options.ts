/** Options of client responses, in the engine's words and in the reference's. */
import type { InitializeOptions } from '@sluice/engine';
import { djb2 } from '@sluice/engine';
import type { Random } from './random.js';

/** Options as plain data, so that they can cross a process and stand in a message. */
export interface ClientOptionsData {
  readonly format: 0 | 1 | 2;
  readonly hashAlgorithm?: 'none' | 'djb2' | 'sha256';
  readonly clientSdkKey?: string;
  readonly includeLocalOverrides?: boolean;
  readonly removeIdType?: boolean;
  readonly removeDefaultValueGates?: boolean;
  readonly previousResponseHash?: string;
  readonly keep?: Partial<Record<keyof NonNullable<InitializeOptions['keep']>, readonly string[]>>;
}

export const clientKeys = ['client-one', 'client-two'] as const;

/** What documents say about client keys: the plain map, the hashed one, both or neither. */
export function makeKeyMaps(random: Random): Record<string, Record<string, string | number | null>> {
  const app = (): string | number | null => random.pick(['APP1', 'APP2', 5, null]);
  return {
    ...(random.chance(0.5) ? { sdk_keys_to_app_ids: { [clientKeys[0]]: app(), other: 'APP1' } } : {}),
    ...(random.chance(0.3) ? { hashed_sdk_keys_to_app_ids: { [djb2(clientKeys[1])]: app() } } : {}),
  };
}

export function makeClientOptions(
  random: Random,
  names: readonly string[],
  formats: readonly ClientOptionsData['format'][],
): ClientOptionsData {
  const some = (): readonly string[] => names.filter(() => random.chance(0.7));
  return {
    format: random.pick(formats),
    ...(random.chance(0.8) ? { hashAlgorithm: random.pick(['none', 'djb2', 'sha256']) } : {}),
    ...(random.chance(0.3) ? { clientSdkKey: random.pick(clientKeys) } : {}),
    ...(random.chance(0.5) ? { includeLocalOverrides: random.chance(0.7) } : {}),
    ...(random.chance(0.2) ? { removeIdType: true } : {}),
    ...(random.chance(0.2) ? { removeDefaultValueGates: true } : {}),
    ...(random.chance(0.3) ? { previousResponseHash: 'none yet' } : {}),
    ...(random.chance(0.2) ? { keep: { gates: some(), experiments: some(), paramStores: [] } } : {}),
    ...(random.chance(0.1) ? { keep: { configs: some(), layers: some() } } : {}),
  };
}

export function toEngineOptions({ keep = {}, ...options }: ClientOptionsData): InitializeOptions {
  const sets = Object.entries(keep).map(([kind, names]) => [kind, new Set(names)]);
  return { ...options, keep: Object.fromEntries(sets) };
}
