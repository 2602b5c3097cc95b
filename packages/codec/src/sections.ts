import { type Entity, type EntityRef, Section } from '@sluice/proto';

type BodyCase = NonNullable<Entity['body']>['$case'];

const sections: Readonly<Record<BodyCase, Section>> = {
  gate: Section.GATE,
  config: Section.CONFIG,
  layer: Section.LAYER,
  condition: Section.CONDITION,
  paramStore: Section.PARAM_STORE,
  cmab: Section.CMAB,
  override: Section.OVERRIDE,
  overrideRule: Section.OVERRIDE_RULE,
  idList: Section.ID_LIST,
  settingJson: Section.SETTING,
  key: Section.KEY,
  experimentLayer: Section.EXPERIMENT_LAYER,
};

const words: Readonly<Record<Section, string>> = {
  [Section.UNSPECIFIED]: 'unspecified',
  [Section.GATE]: 'gate',
  [Section.CONFIG]: 'config',
  [Section.LAYER]: 'layer',
  [Section.CONDITION]: 'condition',
  [Section.PARAM_STORE]: 'param_store',
  [Section.CMAB]: 'cmab',
  [Section.OVERRIDE]: 'override',
  [Section.OVERRIDE_RULE]: 'override_rule',
  [Section.ID_LIST]: 'id_list',
  [Section.SETTING]: 'setting',
  [Section.KEY]: 'key',
  [Section.EXPERIMENT_LAYER]: 'experiment_layer',
};

/** The section that an entity lives in, by its body. Without a body it is `UNSPECIFIED`. */
export function sectionOf(entity: Entity): Section {
  return entity.body === undefined ? Section.UNSPECIFIED : sections[entity.body.$case];
}

/** The section's name for people and keys, such as `param_store`; `section_<n>` for one from a newer version. */
export function sectionWord(section: number): string {
  return words[section as Section] ?? `section_${section}`;
}

/** One text per addressable part of a ruleset, such as `gate/checkout`. */
export function entityKey(of: Entity | EntityRef): string {
  const section = 'section' in of ? of.section : sectionOf(of);
  return `${sectionWord(section)}/${of.name}`;
}

const sectionsByWord = new Map(Object.entries(words).map(([section, word]) => [word, Number(section) as Section]));

/** What a key from `entityKey` names; undefined when it is none. */
export function refOfKey(key: string): EntityRef | undefined {
  const slash = key.indexOf('/');
  const section = sectionsByWord.get(key.slice(0, Math.max(slash, 0)));
  return section ? { section, name: key.slice(slash + 1) } : undefined;
}
