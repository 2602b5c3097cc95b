/** Random documents. Names are few and short, so that references often meet. */
import { makeKeyMaps } from './client-options.js';
import { idTypes, makeComparison, oddOperators } from './conditions.js';
import type { ConditionData, DocumentData, Json, RuleData, SpecData } from './document.js';
import { makeAppIds, makeReplay, makeStore } from './generate-client.js';
import type { Random } from './random.js';
import type { OverrideData } from './referee.js';

/** A document in which every gate holds one random comparison. */
export function makeOperatorDocument(random: Random, gateCount: number): DocumentData {
  const document = emptyDocument(random);
  for (let i = 0; i < gateCount; i++) {
    document.condition_map[`c${i}`] = makeComparison(random);
    document.feature_gates[`g${i}`] = makeSpec('feature_gate', [makeRule(`r${i}`, [`c${i}`])]);
  }
  return document;
}

const gateNames = ['g0', 'g1', 'g2', 'g3', 'g4', 'g5', 'g6', 'g7', 'segment:s0', 'segment:s1'];
const configNames = ['e0', 'e1', 'e2', 'e3', 'e4', 'e5'];
const layerNames = ['l0', 'l1', 'l2', 'l3'];
const storeNames = ['p0', 'p1'];

/** Names that entities of a document may have. */
export const entityNames: readonly string[] = [...gateNames, ...configNames, ...layerNames, ...storeNames];

/**
 * A document whose entities refer to each other in every way. For client responses, all gates that it asks are
 * there, and all conditions known: what others leave behind depends on the order of the entities, which the
 * reference does not keep.
 */
export function makeStructureDocument(random: Random, isForClients: boolean): DocumentData {
  const document = emptyDocument(random);
  addConditions(document, random);
  // Gates refer to later gates only, most of the time: cycles are rare, but they happen.
  for (const [index, name] of gateNames.entries()) {
    if (!isForClients && random.chance(0.1)) continue;
    document.feature_gates[name] = makeGate(random, name, index);
  }
  addConfigs(document, random, isForClients);
  if (isForClients) dropUnknown(document);
  if (random.chance(0.4)) addMappings(document, random, isForClients ? [] : gateNames);
  if (random.chance(0.4)) addBandits(document, random);
  if (random.chance(0.5)) addStores(document, random);
  if (random.chance(0.4)) Object.assign(document, makeKeyMaps(random));
  if (random.chance(0.4)) document.session_replay_info = makeReplay(random, !asksGroups(document));
  return document;
}

/** An unsupported layer that happens to be the last one spoils the gate that is asked for session replays. */
function asksGroups({ layer_configs }: DocumentData): boolean {
  return Object.values(layer_configs).some(({ rules }) => rules.some((rule) => rule.conditions.some(isGroupCondition)));
}

function isGroupCondition(id: string): boolean {
  return id.startsWith('x:');
}

function addConfigs(document: DocumentData, random: Random, isForClients: boolean): void {
  for (const name of configNames)
    if (random.chance(0.9)) document.dynamic_configs[name] = makeConfig(random, name, 0.08);
  for (const name of layerNames) {
    const layer = { ...makeConfig(random, name, 0.6), entity: 'layer', useNewLayerEval: random.chance(0.4) };
    // Only layers ask for groups: an experiment that asks for its own is the end of the reference.
    const asks = !isForClients || !layer.useNewLayerEval ? 0.2 : 0;
    for (const rule of layer.rules) if (random.chance(asks)) rule.conditions.push(`x:${random.pick(configNames)}`);
    document.layer_configs[name] = layer;
  }
  // What a gate exposes is seen through an experiment that asks for it.
  for (const name of gateNames) {
    document.dynamic_configs[`through ${name}`] = makeSpec('experiment', [makeRule('through', [`p:${name}`])]);
  }
}

function emptyDocument(random: Random): DocumentData {
  return {
    has_updates: true,
    time: 5,
    response_format: 'dcs-v2',
    experiment_to_layer: {},
    condition_map: {},
    feature_gates: {},
    dynamic_configs: {},
    layer_configs: {},
    app_id: random.pick<Json>(['APP1', 'app1', 5, 'a']),
    default_environment: random.pick(['production', 'staging']),
  };
}

function makeSpec(entity: string, rules: RuleData[], more: Partial<SpecData> = {}): SpecData {
  const isGate = ['feature_gate', 'segment', 'holdout'].includes(entity);
  return {
    type: isGate ? 'feature_gate' : 'dynamic_config',
    entity,
    salt: 'spec-salt',
    enabled: true,
    defaultValue: isGate ? false : { d: 1 },
    rules,
    idType: 'userID',
    version: 3,
    ...more,
  };
}

function makeRule(id: string, conditions: string[], more: Partial<RuleData> = {}): RuleData {
  return { id, name: id, passPercentage: 100, conditions, returnValue: true, idType: 'userID', salt: '', ...more };
}

const plain: ConditionData = { type: 'public', idType: 'userID', operator: null, targetValue: null, field: null };

function addConditions(document: DocumentData, random: Random): void {
  const add = (id: string, condition: Partial<ConditionData>): void => {
    document.condition_map[id] = { ...plain, ...condition };
  };
  add('pub', {});
  for (let bound = 100; bound < 1000; bound += 200) {
    add(`b${bound}`, {
      type: 'user_bucket',
      operator: 'lt',
      targetValue: bound,
      additionalValues: { salt: `s${bound}` },
    });
  }
  for (const name of [...gateNames, 'unknown', '']) {
    add(`p:${name}`, { type: 'pass_gate', targetValue: name });
    add(`f:${name}`, { type: 'fail_gate', targetValue: name });
  }
  add('odd-type', { type: random.pick(['bogus', 'multi_pass_gate', 'PUBLIC']), targetValue: ['g1'] });
  add('odd-operator', { type: 'user_field', operator: 'bogus', field: 'f0' });
  add('number-gate', { type: 'pass_gate', targetValue: 5 });
  for (let i = 0; i < 6; i++) document.condition_map[`c${i}`] = makeComparison(random);
  for (const name of [...configNames, 'unknown']) {
    const operator = random.pick(['any', 'none', 'eq', 'str_contains_any']);
    const targetValue = operator === 'eq' ? 'Group 1' : [`group-${name}-r0`, `group-${name}-r1`, 'Group 0', ''];
    add(`x:${name}`, { type: 'experiment_group', operator, targetValue, field: name });
  }
}

function pickConditions(random: Random, gateFrom: number): string[] {
  return Array.from({ length: random.below(4) }, () => {
    const kind = random.next();
    if (kind < 0.2) return 'pub';
    if (kind < 0.5) return `b${100 + 200 * random.below(5)}`;
    if (kind < 0.8) return `${random.pick(['p', 'f'])}:${pickGate(random, gateFrom)}`;
    if (kind < 0.95) return `c${random.below(6)}`;
    return random.pick(['odd-type', 'odd-operator', 'number-gate', 'no-such-condition', 'p:']);
  });
}

function pickGate(random: Random, from: number): string {
  if (random.chance(0.06)) return 'unknown';
  const later = gateNames.slice(from);
  return later.length === 0 || random.chance(0.02) ? random.pick(gateNames) : random.pick(later);
}

function commonRule(random: Random, id: string, gateFrom: number): RuleData {
  const more: Partial<RuleData> = {
    passPercentage: random.pick([100, 100, 100, 50, 50, 10, 0, 0.5, 33.33, 150, -1]),
    idType: random.pick(idTypes),
    isExperimentGroup: random.chance(0.5),
  };
  if (random.chance(0.5)) more.groupName = `group-${id}`;
  if (random.chance(0.3)) more.salt = random.pick([null, 'rule-salt', 'é']);
  if (random.chance(0.3)) more.samplingRate = random.below(5);
  return makeRule(id, pickConditions(random, gateFrom), more);
}

function makeGate(random: Random, name: string, index: number): SpecData {
  const rules = Array.from({ length: random.below(4) }, (_, i) => ({
    ...commonRule(random, `${name}-r${i}`, index + 1),
    returnValue: random.pick<Json>([true, true, true, false, null, 'x', { a: 1 }]),
  }));
  return makeSpec(
    name.startsWith('segment:') ? 'segment' : random.pick(['feature_gate', 'feature_gate', 'holdout']),
    rules,
    {
      enabled: random.chance(0.9),
      defaultValue: random.chance(0.1),
      idType: random.pick(idTypes),
      version: random.below(5),
      ...makeAppIds(random),
    },
  );
}

const values: readonly Json[] = [
  { a: 1 },
  { b: 'x', c: [1, { z: null }] },
  { a: 2, b: 2 },
  {},
  null,
  true,
  false,
  'x',
  [1],
];

function makeConfig(random: Random, name: string, delegateChance: number): SpecData {
  const rules = Array.from({ length: random.below(5) }, (_, i) => {
    const rule: RuleData = { ...commonRule(random, `${name}-r${i}`, 0), returnValue: random.pick(values) };
    if (random.chance(delegateChance)) rule.configDelegate = random.pick([...configNames, 'missing']);
    return rule;
  });
  const more: Partial<SpecData> = { enabled: random.chance(0.9), salt: random.pick(['', 'salt-1', name]) };
  if (random.chance(0.6)) more.isActive = random.chance(0.7);
  if (random.chance(0.4)) more.hasSharedParams = random.chance(0.5);
  if (random.chance(0.4)) more.explicitParameters = random.several(['a', 'b', 'c', 'd'], 3);
  if (random.chance(0.2)) more.defaultValue = random.pick(values);
  if (random.chance(0.2)) more.forwardAllExposures = random.chance(0.5);
  Object.assign(more, makeAppIds(random));
  return makeSpec(random.pick(['experiment', 'dynamic_config', 'experiment', 'autotune']), rules, more);
}

const namesByKind: Readonly<Record<OverrideData['kind'], readonly string[]>> = {
  gate: gateNames,
  config: configNames,
  experiment: configNames,
  group: configNames,
  layer: layerNames,
};

/**
 * Some forced answers: per name one for everybody and one for a unit. With several, a user who has
 * several of the units would get any of them: the reference asks its hash map in no fixed order.
 */
export function makeOverrides(random: Random): OverrideData[] {
  const overrides = new Map<string, OverrideData>();
  for (let i = 0; i < 8; i++) {
    const kind = random.pick(['gate', 'config', 'experiment', 'group', 'layer'] as const);
    const name = random.pick(namesByKind[kind]);
    const id = random.pick([null, 'user-1', 'user-2', 'company-1', 'company-2', 'stable']);
    const value = kind === 'gate' ? random.chance(0.5) : kind === 'group' ? `group-${name}-r0` : { forced: i };
    const whom = id === null ? 'everybody' : 'one unit';
    overrides.set(`${kind === 'group' ? 'experiment' : kind} ${name} ${whom}`, { kind, name, id, value });
  }
  return [...overrides.values()];
}

/**
 * Mappings lead from earlier names to later ones, and gates then do so as well: a mapping makes the reference
 * forget how deep it is, so that it does not survive a circle.
 */
function addMappings(document: DocumentData, random: Random, mappedGates: readonly string[]): void {
  for (const [index, name] of gateNames.entries()) {
    for (const rule of document.feature_gates[name]?.rules ?? []) {
      rule.conditions = rule.conditions.filter((id) => !gateNames.slice(0, index + 1).includes(id.slice(2)));
    }
  }
  document.override_rules = {
    o0: makeRule('o0', ['pub']),
    o1: makeRule('o1', ['b500'], { passPercentage: 50, salt: null }),
    o2: makeRule('o2', [`p:${random.pick(gateNames)}`]),
    o3: makeRule('o3', ['odd-type']),
  };
  document.overrides = {};
  for (const names of [configNames, layerNames, mappedGates]) {
    for (const [index, name] of names.entries()) {
      if (!random.chance(0.3)) continue;
      document.overrides[name] = Array.from({ length: 1 + random.below(2) }, () => ({
        new_config_name: random.pick([...names.slice(index + 1), 'missing']),
        rules: random
          .several(names === mappedGates ? ['o0', 'o1', 'o3', 'o4'] : ['o0', 'o1', 'o2', 'o3', 'o4'], 2)
          .map((rule_name) => ({
            rule_name,
            ...(random.chance(0.3) ? { start_time: random.pick([0, 9e15]) } : {}),
          })),
      }));
    }
  }
}

function addBandits(document: DocumentData, random: Random): void {
  const isMapped = document.overrides !== undefined;
  document.cmab_configs = {};
  for (const name of ['e0', 'e3', 'bandit']) {
    const groups = Array.from({ length: random.below(4) }, (_, i) => ({
      id: `${name}-g${i}`,
      name: `Group ${i}`,
      parameterValues: { p: i },
    }));
    const config = Object.fromEntries(
      groups
        // One group has weights in any case: without any the reference draws at random.
        .filter(({ id }) => id.endsWith('-g0') || random.chance(0.8))
        .map(({ id }) => [id, makeWeights(random)]),
    );
    document.cmab_configs[name] = {
      salt: 'cmab-salt',
      idType: random.pick(idTypes),
      enabled: random.chance(0.9),
      version: 7,
      // The exploring part is random in the reference.
      sampleRate: 0,
      higherIsBetter: random.chance(0.5),
      groups,
      defaultValue: { p: 'default' },
      ...(random.chance(0.5) ? { config } : {}),
      // A mapping behind the gate empties the record of the layer, which then depends on how deep each was.
      ...(!isMapped && random.chance(0.4) ? { targetingGateName: random.pick([...gateNames, 'unknown']) } : {}),
    };
  }
}

function makeWeights(random: Random): Json {
  return {
    alpha: random.below(3),
    intercept: random.below(10) / 4,
    records: random.below(100),
    // One at most: the reference adds them up in no fixed order.
    weightsNumerical: random.pick<Record<string, number>>([{ f0: random.below(9) - 4 }, { F1: 0.25 }, {}]),
    weightsCategorical: { f2: { a: 2, b: -3, '1': 0.5, true: 4, null: 7, '{}': 3 }, country: { US: 1 } },
  };
}

function addStores(document: DocumentData, random: Random): void {
  document.param_stores = {};
  for (const name of storeNames) {
    document.param_stores[name] = { ...makeStore(random, gateNames, configNames, layerNames), ...makeAppIds(random) };
  }
}

function dropUnknown(document: DocumentData): void {
  const unknown = [
    'p:unknown',
    'f:unknown',
    'p:',
    'f:',
    'number-gate',
    'odd-type',
    'odd-operator',
    'no-such-condition',
  ];
  const isUnknown = (id: string): boolean => {
    const operator = document.condition_map[id]?.operator;
    return unknown.includes(id) || (id.startsWith('c') && oddOperators.includes(operator ?? null));
  };
  for (const section of [document.feature_gates, document.dynamic_configs, document.layer_configs]) {
    for (const { rules } of Object.values(section)) {
      for (const rule of rules) rule.conditions = rule.conditions.filter((id) => !isUnknown(id));
    }
  }
}
