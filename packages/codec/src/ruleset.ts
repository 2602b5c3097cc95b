import type { IdList, Ruleset } from '@sluice/engine';
import type { Entity } from '@sluice/proto';
import { canonicalEntity } from './canonical.js';
import { cmabFromJson, cmabToJson } from './cmab.js';
import { EntityError } from './entity-error.js';
import { PackedIdList } from './id-list.js';
import {
  conditionFromWire,
  conditionToWire,
  mappingsFromWire,
  mappingsToWire,
  paramStoreFromWire,
  paramStoreToWire,
  ruleFromWire,
  ruleToWire,
  specFromWire,
  specToWire,
} from './spec.js';

/** A map of the ruleset that entities live in, and how an entity's body reads there. */
export type SectionName = {
  [Name in keyof Ruleset]-?: Ruleset[Name] extends ReadonlyMap<string, unknown> ? Name : never;
}[keyof Ruleset];

/** The value of one entry of a section. */
export type SectionValue<Name extends SectionName> =
  Ruleset[Name] extends ReadonlyMap<string, infer Value> ? Value : never;

/** Where an entity goes, and what it is there. */
export type Placed = { [Name in SectionName]: { section: Name; value: SectionValue<Name> } }[SectionName];

/**
 * Settings that the engine reads itself, rather than passing them through. A text that is not
 * of the right type stays among the settings, so that nothing is lost.
 */
export interface NamedSettings {
  readonly time?: number;
  readonly appId?: string;
  readonly defaultEnvironment?: string;
}

/**
 * The entity in the engine's words; undefined for SDK keys, for entities of sections that only a
 * newer version knows, and for settings that the engine reads itself.
 * @throws EntityError when a bandit's JSON text can't be read.
 */
export function placeEntity(entity: Entity): Placed | undefined {
  const { name, body } = entity;
  switch (body?.$case) {
    case 'gate':
      return { section: 'gates', value: specFromWire(name, body.value) };
    case 'config':
      return { section: 'configs', value: specFromWire(name, body.value) };
    case 'layer':
      return { section: 'layers', value: specFromWire(name, body.value) };
    case 'condition':
      return { section: 'conditions', value: conditionFromWire(body.value) };
    case 'paramStore':
      return { section: 'paramStores', value: paramStoreFromWire(body.value) };
    case 'cmab':
      return { section: 'cmabs', value: cmabFromJson(name, body.value.bodyJson) };
    case 'override':
      return { section: 'overrides', value: mappingsFromWire(body.value) };
    case 'overrideRule':
      return { section: 'overrideRules', value: ruleFromWire(body.value) };
    case 'idList':
      return { section: 'idLists', value: new PackedIdList(body.value.keys, body.value.idType) };
    case 'experimentLayer':
      return { section: 'experimentToLayer', value: body.value };
    case 'settingJson':
      return namedSetting(name, body.value) ? undefined : { section: 'settings', value: body.value };
    default:
      return undefined;
  }
}

/** A setting that the engine reads itself; undefined for all others. */
export function namedSetting(name: string, text: string): NamedSettings | undefined {
  if (name === 'app_id') return { appId: text };
  if (name !== 'time' && name !== 'default_environment') return undefined;
  const value = parseScalar(text);
  if (name === 'time' && typeof value === 'number') return { time: value };
  if (name === 'default_environment' && typeof value === 'string') return { defaultEnvironment: value };
  return undefined;
}

function parseScalar(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A ruleset whose maps may be written to, while it is being made. */
export type RulesetDraft = { -readonly [Name in keyof Ruleset]: Ruleset[Name] };

export function emptyRuleset(): RulesetDraft {
  return {
    time: 0,
    gates: new Map(),
    configs: new Map(),
    layers: new Map(),
    conditions: new Map(),
    paramStores: new Map(),
    cmabs: new Map(),
    overrides: new Map(),
    overrideRules: new Map(),
    idLists: new Map(),
    experimentToLayer: new Map(),
    settings: new Map(),
  };
}

/**
 * The engine's form of a set's entities, in their order. SDK keys are no part of it.
 * @throws EntityError when a bandit's JSON text can't be read.
 */
export function rulesetFromEntities(entities: Iterable<Entity>): Ruleset {
  const ruleset = emptyRuleset();
  for (const entity of entities) {
    const placed = placeEntity(entity);
    if (placed) (ruleset[placed.section] as Map<string, unknown>).set(entity.name, placed.value);
    else if (entity.body?.$case === 'settingJson') {
      Object.assign(ruleset, namedSetting(entity.name, entity.body.value));
    }
  }
  return ruleset;
}

/**
 * The canonical entities of a ruleset, section by section; the inverse of `rulesetFromEntities`.
 * Versions are 0: config counts them.
 * @throws EntityError for an id list whose keys can't be listed.
 */
export function entitiesFromRuleset(ruleset: Ruleset): Entity[] {
  const entities: Entity[] = [];
  const add = <Value>(section: ReadonlyMap<string, Value>, bodyOf: (value: Value, name: string) => Entity['body']) => {
    for (const [name, value] of section) {
      entities.push(canonicalEntity({ name, version: 0, body: bodyOf(value, name) }));
    }
  };
  add(ruleset.gates, (spec) => ({ $case: 'gate', value: specToWire(spec) }));
  add(ruleset.configs, (spec) => ({ $case: 'config', value: specToWire(spec) }));
  add(ruleset.layers, (spec) => ({ $case: 'layer', value: specToWire(spec) }));
  add(ruleset.conditions, (condition) => ({ $case: 'condition', value: conditionToWire(condition) }));
  add(ruleset.paramStores, (store) => ({ $case: 'paramStore', value: paramStoreToWire(store) }));
  add(ruleset.cmabs, (cmab) => ({ $case: 'cmab', value: { bodyJson: cmabToJson(cmab) } }));
  add(ruleset.overrides, (mappings) => ({ $case: 'override', value: mappingsToWire(mappings) }));
  add(ruleset.overrideRules, (rule) => ({ $case: 'overrideRule', value: ruleToWire(rule) }));
  add(ruleset.idLists, (list, name) => ({ $case: 'idList', value: idListToWire(name, list) }));
  add(ruleset.experimentToLayer, (layer) => ({ $case: 'experimentLayer', value: layer }));
  add(settingTexts(ruleset), (text) => ({ $case: 'settingJson', value: text }));
  return entities;
}

/** All settings as JSON text, with those that the engine reads itself. */
function settingTexts(ruleset: Ruleset): Map<string, string> {
  const texts = new Map(ruleset.settings);
  if (ruleset.time !== 0) texts.set('time', JSON.stringify(ruleset.time));
  if (ruleset.appId !== undefined) texts.set('app_id', ruleset.appId);
  if (ruleset.defaultEnvironment !== undefined) {
    texts.set('default_environment', JSON.stringify(ruleset.defaultEnvironment));
  }
  return texts;
}

function idListToWire(name: string, list: IdList): { keys: string; idType: string } {
  if (list instanceof PackedIdList) return { keys: list.keys, idType: list.idType };
  if (list instanceof Set) return { keys: [...list].join(''), idType: '' };
  throw new EntityError(`id_list/${name}`, 'its keys cannot be listed; use a Set or a PackedIdList');
}
