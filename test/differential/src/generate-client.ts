/** Parts of documents that only clients and parameter stores see. */
import type { Json, ParamStoreData } from './document.js';
import type { Random } from './random.js';

/** The apps that may see an entity; most entities do not say. */
export function makeAppIds(random: Random): { targetAppIDs?: string[] } {
  return random.chance(0.3) ? { targetAppIDs: random.several(['APP1', 'APP2', '5'], 2) } : {};
}

const literals: readonly Json[] = ['text', 5, 1.5, true, false, { a: 1 }, [1, 'x'], null, '', []];

/** A store with parameters of every kind, and a few whose fields fit several kinds. */
export function makeStore(
  random: Random,
  gates: readonly string[],
  configs: readonly string[],
  layers: readonly string[],
): ParamStoreData {
  const parameters: Record<string, Json> = {};
  const member = (): string => random.pick(['a', 'b', 'c', 'd', 'p', 'x']);
  const fields: readonly (() => Record<string, Json>)[] = [
    () => ({ value: random.pick(literals) }),
    () => ({
      gate_name: random.pick([...gates, 'unknown']),
      pass_value: random.pick(literals),
      fail_value: random.pick(literals),
    }),
    () => ({ config_name: random.pick([...configs, 'unknown']), param_name: member() }),
    () => ({ experiment_name: random.pick([...configs, 'bandit']), param_name: member() }),
    () => ({ layer_name: random.pick([...layers, 'unknown']), param_name: member() }),
  ];
  for (let i = 0; i < 6; i++) {
    const shape = random.pick(fields)();
    const other = random.chance(0.15) ? random.pick(fields)() : {};
    const kind = random.pick(['static', 'gate', 'dynamic_config', 'experiment', 'layer', 'odd']);
    parameters[`x${i}`] = { ref_type: kind, param_type: 'string', ...other, ...shape };
  }
  return { parameters };
}

/** Rates are 0 or 1, since the number that they are compared with is the reference's own. */
export function makeReplay(random: Random, isTargeted: boolean): Json {
  const triggers = (): Json => ({ g0: { values: ['x'], sampling_rate: random.below(2) }, g1: {} });
  return {
    ...(random.chance(0.7) ? { sampling_rate: random.below(2) } : {}),
    ...(isTargeted ? { targeting_gate: random.pick(['g0', 'g1', 'g2']) } : {}),
    ...(random.chance(0.3) ? { recording_blocked: random.chance(0.5) } : {}),
    ...(random.chance(0.5) ? { session_recording_event_triggers: triggers() } : {}),
    ...(random.chance(0.5) ? { session_recording_exposure_triggers: triggers() } : {}),
    ...(random.chance(0.5)
      ? { session_recording_privacy_settings: { privacy_mode: 'min', masked_elements: ['a'] } }
      : {}),
  };
}
