/** Client responses made comparable: one line per entity, ids resolved, and without what is the reference's own. */
import type { Answers } from './answers.js';

type Data = Record<string, unknown>;

const sections = ['feature_gates', 'dynamic_configs', 'layer_configs', 'param_stores'] as const;

/** One answer per entity of a response, and one for all the rest. */
export function flattenResponse(label: string, response: Data): Answers {
  const { sdkInfo, full_checksum, exposures, values, ...rest } = response;
  const answers: Answers = {};
  for (const section of sections) {
    for (const [name, entry] of Object.entries((rest[section] ?? {}) as Record<string, Data>)) {
      answers[`client ${label} ${section} ${name}`] = resolve(entry, exposures as Data, values as Data);
    }
    rest[section] = Object.keys((rest[section] ?? {}) as Data).sort();
  }
  answers[`client ${label}`] = { ...rest, hasChecksum: full_checksum !== undefined };
  return answers;
}

/** Rule ids of answers that no rule of the entity itself has given; those of nested gates show up where it is unsupported. */
const undecided = /^(|default|disabled|override|prestart|inlineTargetingRules|(g|segment:s)[0-9]-r[0-9])$/;
/**
 * What they say of the group, and a value that is a bool, is what a nested gate has left behind. In responses the reference remembers gates
 * from one entity to the next, which it takes in no fixed order, so that it is left behind now and then.
 */
const gateGroup = /^group-(g|segment:s)[0-9]/;
const gateRule = /^(g|segment:s)[0-9]-r[0-9]$/;
/** Bandits do not say whether the user is in them, so that this is left behind as well. */
const banditRule = /^(e[0-9]|bandit)-g[0-9](:explore)?$/;
const leaked = ['group_name', 'gn', 'is_experiment_active', 'ea', 'is_user_in_experiment', 'ue'];

/** Ids of exposures and values replaced by what they stand for, and without what others have left behind. */
function resolve(entry: Data, exposures: Data | undefined, values: Data | undefined): Data {
  const resolved = { ...entry };
  for (const key of ['s', 'us', 'secondary_exposures', 'undelegated_secondary_exposures']) {
    const ids = entry[key];
    if (exposures !== undefined && Array.isArray(ids)) resolved[key] = ids.map((id) => exposures[String(id)]);
  }
  if (values !== undefined && typeof entry.v === 'string') {
    const value = values[entry.v];
    // Bools, null and an empty object share an id there, so that it is any of them that comes out.
    resolved.v = hasMembers(value) ? value : 'no object';
  }
  forgetLeftovers(resolved, String(entry.rule_id ?? entry.r ?? 'default'));
  return resolved;
}

function forgetLeftovers(entry: Data, ruleID: string): void {
  const isValue = 'is_device_based' in entry;
  for (const key of ['group_name', 'gn']) if (gateGroup.test(String(entry[key]))) delete entry[key];
  if (undecided.test(ruleID)) {
    for (const key of leaked) delete entry[key];
    if (isValue && !hasMembers(entry.value)) entry.value = 'no object';
  }
  if (banditRule.test(ruleID)) for (const key of ['is_user_in_experiment', 'ue']) delete entry[key];
  if (gateRule.test(ruleID)) {
    if (isValue) entry.value = 'left behind';
    if (typeof entry.v !== 'boolean' && 'v' in entry) entry.v = 'left behind';
  }
}

function hasMembers(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}
