import type { ConfigAnswer, JsonValue, User } from './index.js';
import type { Sluice } from './sluice.js';

/** What a flag key stands for: an entity's whole value, or one parameter of it. */
export interface Found {
  readonly answer: ConfigAnswer;
  /** Undefined when there is no such parameter. */
  readonly value: JsonValue | undefined;
}

/**
 * Finds `config` or `config.param`; experiments and layers answer to the same form. Names may have
 * dots: the longest name that exists wins. Only what was found is an exposure.
 */
export function findFlag(sluice: Sluice, key: string, user: User): Found | undefined {
  for (let end = key.length; end > 0; end = key.lastIndexOf('.', end - 1)) {
    const answer = answerOf(sluice, key.slice(0, end), user);
    if (!answer) continue;
    return { answer, value: end === key.length ? answer.value : memberOf(answer, key.slice(end + 1)) };
  }
  return undefined;
}

function answerOf(sluice: Sluice, name: string, user: User): ConfigAnswer | undefined {
  switch (sluice.kindOf(name)) {
    case 'config':
      return sluice.config(name, user);
    case 'experiment':
      return sluice.experiment(name, user);
    case 'layer':
      return sluice.layer(name, user);
    default:
      return undefined;
  }
}

function memberOf(answer: ConfigAnswer, parameter: string): JsonValue | undefined {
  if (!Object.hasOwn(answer.value, parameter)) return undefined;
  const value = answer.value[parameter];
  // Reading a layer's parameter through its getter is what counts as the exposure.
  return value === undefined ? undefined : answer.get(parameter, value);
}
