import type { JsonValue, SecondaryExposure, StickyValue } from '@sluice/engine';

type Fields = Readonly<Record<string, unknown>>;

/** What a storage gave back as a group; undefined for what is none: storages outlive programs, and others write to them. */
export function stickyValueOf(stored: unknown): StickyValue | undefined {
  if (!isRecord(stored)) return undefined;
  const { value, json_value: json, rule_id: ruleID, undelegated_secondary_exposures: undelegated } = stored;
  if (typeof value !== 'boolean' || !isRecord(json) || typeof ruleID !== 'string') return undefined;
  return {
    value,
    json_value: json as Readonly<Record<string, JsonValue>>,
    rule_id: ruleID,
    group_name: textOrNull(stored.group_name),
    secondary_exposures: exposuresOf(stored.secondary_exposures),
    undelegated_secondary_exposures: undelegated === null ? null : exposuresOf(undelegated),
    config_delegate: textOrNull(stored.config_delegate),
    explicit_parameters: parametersOf(stored.explicit_parameters),
    time: typeof stored.time === 'number' ? stored.time : 0,
    config_version: typeof stored.config_version === 'number' ? stored.config_version : undefined,
  };
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function parametersOf(value: unknown): readonly string[] | null {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : null;
}

function exposuresOf(value: unknown): readonly SecondaryExposure[] {
  return Array.isArray(value) ? value.filter(isExposure) : [];
}

function isExposure(value: unknown): value is SecondaryExposure {
  if (!isRecord(value)) return false;
  const { gate, gateValue, ruleID } = value;
  return typeof gate === 'string' && (gateValue === 'true' || gateValue === 'false') && typeof ruleID === 'string';
}
