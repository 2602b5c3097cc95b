/** How the three shapes of the client response write exposures and values. */
import { djb2 } from '../bucket.js';
import type { SecondaryExposure } from '../decision.js';
import type { JsonValue } from '../user.js';

/** 0: exposures in place; 1: exposures by id; 2: values by id as well, under short keys. */
export type InitializeFormat = 0 | 1 | 2;

export type JsonObject = { [key: string]: JsonValue };

/** Collects what entries share. */
export interface ResponseTables {
  readonly isShort: boolean;
  /** Exposures of one entry, by `gate:value:ruleID`. */
  exposures(distinct: ReadonlyMap<string, SecondaryExposure>): JsonValue;
  value(value: JsonValue, text: string): JsonValue;
  finish(entry: JsonObject): JsonObject;
  /** Top-level keys of the shape. */
  extras(): JsonObject;
}

export function tablesFor(format: InitializeFormat): ResponseTables {
  switch (format) {
    case 0:
      return new InPlace();
    case 1:
      return new SharedExposures();
    case 2:
      return new Short();
  }
}

class InPlace implements ResponseTables {
  readonly isShort = false;

  exposures(distinct: ReadonlyMap<string, SecondaryExposure>): JsonValue {
    return Array.from(distinct.values(), (exposure) => ({ ...exposure }));
  }

  value(value: JsonValue): JsonValue {
    return value;
  }

  finish(entry: JsonObject): JsonObject {
    return entry;
  }

  extras(): JsonObject {
    return {};
  }
}

class SharedExposures extends InPlace {
  readonly #exposures: JsonObject = {};

  override exposures(distinct: ReadonlyMap<string, SecondaryExposure>): JsonValue {
    return Array.from(distinct, ([text, exposure]) => {
      const id = djb2(text);
      this.#exposures[id] = { ...exposure };
      return id;
    });
  }

  /** Only the first shape tells which rule gave a parameter its value. */
  override finish({ parameter_rule_ids, ...entry }: JsonObject): JsonObject {
    return entry;
  }

  override extras(): JsonObject {
    return { exposures: this.#exposures };
  }
}

const shortKeys: Readonly<Record<string, string>> = {
  rule_id: 'r',
  secondary_exposures: 's',
  id_type: 'i',
  value: 'v',
  passed: 'p',
  group_name: 'gn',
  is_experiment_active: 'ea',
  is_user_in_experiment: 'ue',
  allocated_experiment_name: 'ae',
  explicit_parameters: 'ep',
  undelegated_secondary_exposures: 'us',
};

/** Values and exposures are numbered as they come. */
class Short implements ResponseTables {
  readonly isShort = true;
  readonly #exposureIds = new Map<string, string>();
  readonly #exposures: JsonObject = {};
  readonly #valueIds = new Map<string, string>();
  readonly #values: JsonObject = {};

  exposures(distinct: ReadonlyMap<string, SecondaryExposure>): JsonValue {
    return Array.from(distinct, ([text, exposure]) =>
      number(this.#exposureIds, this.#exposures, text, { ...exposure }),
    );
  }

  value(value: JsonValue, text: string): JsonValue {
    // Bools and null have no text of an object; the reference gives them one id, and so mixes them up.
    return number(
      this.#valueIds,
      this.#values,
      typeof value === 'object' && value !== null ? text : String(value),
      value,
    );
  }

  /** What is usual is left out. */
  finish(entry: JsonObject): JsonObject {
    const short: JsonObject = {};
    const isLayer = 'undelegated_secondary_exposures' in entry;
    for (const [key, value] of Object.entries(entry)) {
      const shortKey = Object.hasOwn(shortKeys, key) ? shortKeys[key] : undefined;
      const isUsual = (key === 'value' && value === false) || (key === 'rule_id' && value === 'default');
      const isEmpty = Array.isArray(value) && value.length === 0 && key !== 'explicit_parameters';
      // Only layers tell which parameters are explicit, also when none is.
      if (shortKey === undefined || isUsual || isEmpty || (key === 'explicit_parameters' && !isLayer)) continue;
      short[shortKey] = value;
    }
    return short;
  }

  extras(): JsonObject {
    return { exposures: this.#exposures, values: this.#values, response_format: 'init-v2' };
  }
}

function number(ids: Map<string, string>, table: JsonObject, text: string, value: JsonValue): string {
  let id = ids.get(text);
  if (id === undefined) {
    id = String(ids.size);
    ids.set(text, id);
    table[id] = value;
  }
  return id;
}
