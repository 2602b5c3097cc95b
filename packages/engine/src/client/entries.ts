/** What a client response says about one entity. */
import type { ConfigDecision, Decision, GateDecision, LayerDecision, SecondaryExposure } from '../decision.js';
import type { JsonValue } from '../user.js';
import type { Value } from '../value.js';
import type { Hash } from './hash.js';
import type { JsonObject, ResponseTables } from './tables.js';

/** Writes entries in one of the shapes, with names hidden. */
export class EntryWriter {
  readonly #tables: ResponseTables;
  readonly #hash: Hash;
  readonly #removesIdType: boolean;

  constructor(tables: ResponseTables, hash: Hash, removesIdType: boolean) {
    this.#tables = tables;
    this.#hash = hash;
    this.#removesIdType = removesIdType;
  }

  gate(name: string, decision: GateDecision): JsonObject {
    return this.#tables.finish({
      ...this.#common(name, decision, hasNoIdType(decision)),
      value: decision.value,
    });
  }

  config(name: string, entity: string, decision: ConfigDecision, value: Value): JsonObject {
    const entry: JsonObject = {
      ...this.#common(name, decision, this.#tables.isShort && hasNoIdType(decision)),
      value: this.#tables.value(rawValue(value), value.text),
      is_device_based: isDeviceBased(decision),
    };
    if (entity === 'dynamic_config') return this.#tables.finish({ ...entry, passed: decision.passed });
    if (decision.isInLayer) entry.is_in_layer = true;
    if (decision.explicitParameters !== null) entry.explicit_parameters = [...decision.explicitParameters];
    if (decision.groupName !== null) entry.group_name = decision.groupName;
    if (entity === 'experiment') Object.assign(entry, membershipOf(decision));
    return this.#tables.finish(entry);
  }

  layer(name: string, decision: LayerDecision, value: Value): JsonObject {
    const entry: JsonObject = {
      ...this.#common(name, decision, this.#tables.isShort && hasNoIdType(decision)),
      value: this.#tables.value(rawValue(value), value.text),
      is_device_based: isDeviceBased(decision),
      undelegated_secondary_exposures: this.#exposures(decision.undelegatedSecondaryExposures),
    };
    const explicit = decision.explicitParameters;
    if (explicit !== null || !this.#tables.isShort) entry.explicit_parameters = [...(explicit ?? [])];
    if (decision.groupName !== null) entry.group_name = decision.groupName;
    if (decision.parameterRuleIDs !== null) entry.parameter_rule_ids = Object.fromEntries(decision.parameterRuleIDs);
    if (decision.allocatedExperiment !== null) {
      entry.allocated_experiment_name = this.#hash(decision.allocatedExperiment);
      Object.assign(entry, membershipOf(decision));
    }
    return this.#tables.finish(entry);
  }

  #common(name: string, decision: GateDecision | ConfigDecision | LayerDecision, isUntyped: boolean): JsonObject {
    return {
      name: this.#hash(name),
      rule_id: decision.ruleID,
      secondary_exposures: this.#exposures(decision.secondaryExposures),
      ...(this.#removesIdType || isUntyped ? {} : { id_type: decision.idType }),
    };
  }

  /** Each exposure once, under hidden names. */
  #exposures(exposures: readonly SecondaryExposure[] | null): JsonValue {
    const distinct = new Map<string, SecondaryExposure>();
    for (const { gate, gateValue, ruleID } of exposures ?? []) {
      const hidden = { gate: this.#hash(gate), gateValue, ruleID };
      distinct.set(`${hidden.gate}:${gateValue}:${ruleID}`, hidden);
    }
    return this.#tables.exposures(distinct);
  }
}

/** A forced answer knows no id type. Gates leave it out then, and so does everything in the short shape. */
function hasNoIdType({ idType, reason }: Decision): boolean {
  return idType === '' && reason === 'LocalOverride:Recognized';
}

/** As it was authored: clients get bools and nulls where other callers get an empty object. */
function rawValue(value: Value): JsonValue {
  return value.bool ?? (value.hasObject ? value.object : null);
}

function membershipOf(decision: ConfigDecision | LayerDecision): JsonObject {
  return { is_experiment_active: decision.isExperimentActive, is_user_in_experiment: decision.isExperimentGroup };
}

function isDeviceBased({ idType }: ConfigDecision | LayerDecision): boolean {
  return idType.toLowerCase() === 'stableid';
}
