import { fits, memberOf } from './answer.js';
import type { SluiceClient } from './client.js';
import type { ConfigAnswer, JsonValue, User } from './index.js';

/** What a flag key stands for: an entity's whole value, or one parameter of it. */
export interface Found {
  readonly answer: ConfigAnswer;
  /** Undefined when there is no such parameter. */
  readonly value: JsonValue | undefined;
}

/**
 * Finds `config` or `config.param`; experiments and layers answer to the same form. Names may have
 * dots: the longest name that exists wins. Only what was found is an exposure, and of a layer only
 * what fits the caller's default.
 */
export async function findFlag(
  sluice: SluiceClient,
  key: string,
  user: User,
  fallback: JsonValue,
): Promise<Found | undefined> {
  for (let end = key.length; end > 0; end = key.lastIndexOf('.', end - 1)) {
    const answer = await answerOf(sluice, key.slice(0, end), user);
    if (!answer) continue;
    const value = end === key.length ? wholeOf(answer, fallback) : partOf(answer, key.slice(end + 1), fallback);
    return { answer, value };
  }
  return undefined;
}

async function answerOf(sluice: SluiceClient, name: string, user: User): Promise<ConfigAnswer | undefined> {
  switch (await sluice.kindOf(name)) {
    case 'config':
      return sluice.config(name, user);
    case 'experiment':
      return sluice.experiment(name, user);
    case 'layer':
      return sluice.layer(name, user);
    case 'gate': {
      // A config may share its name, or there is nothing but the gate.
      const config = await sluice.config(name, user);
      return config.errorCode === 'FLAG_NOT_FOUND' ? undefined : config;
    }
    default:
      return undefined;
  }
}

/** Reading a layer's parameter through its getter is what counts as the exposure. */
function partOf(answer: ConfigAnswer, parameter: string, fallback: JsonValue): JsonValue | undefined {
  const value = memberOf(answer.value, parameter);
  if (isUsable(value, fallback)) answer.get(parameter, null);
  return value;
}

/** Who gets the whole of a layer has seen each of its parameters. */
function wholeOf(answer: ConfigAnswer, fallback: JsonValue): JsonValue {
  if (isUsable(answer.value, fallback)) for (const name of Object.keys(answer.value)) answer.get(name, null);
  return answer.value;
}

/** Whether a value is what a caller with this default asked for: OpenFeature asks for arrays and objects alike by one call. */
export function isUsable(value: JsonValue | undefined, fallback: JsonValue): boolean {
  return fits(value, fallback) || (isStructure(value) && isStructure(fallback));
}

const isStructure = (value: unknown): boolean => typeof value === 'object' && value !== null;
