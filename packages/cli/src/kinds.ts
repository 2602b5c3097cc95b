import { sectionOf } from '@sluice/codec';
import { invalid } from '@sluice/mesh';
import { type Entity, type EntityRef, Section } from '@sluice/proto';

/** A kind of thing that people write, by the word of its command. */
export interface Kind {
  /** Such as `gate`: the command, and the beginning of a key such as `gate/checkout`. */
  readonly word: string;
  readonly section: Section;
  /** Its part of a friendly document. */
  readonly part: string;
  /** What goes before a name where it is stored. */
  readonly prefix: string;
  /** What the server calls it; empty for sections of one kind. */
  readonly entity: string;
  readonly about: string;
}

export const kinds: readonly Kind[] = [
  kind('gate', Section.GATE, 'gates', 'feature_gate', 'a gate: on or off for a unit'),
  { ...kind('segment', Section.GATE, 'segments', 'segment', 'a segment: a reusable audience'), prefix: 'segment:' },
  kind('holdout', Section.GATE, 'holdouts', 'holdout', 'a holdout: units that get no new things'),
  kind('config', Section.CONFIG, 'configs', 'dynamic_config', 'a dynamic config: JSON for a unit'),
  kind('experiment', Section.CONFIG, 'experiments', 'experiment', 'an experiment: a group for a unit'),
  kind('layer', Section.LAYER, 'layers', 'layer', 'a layer: mutually exclusive experiments'),
  kind('store', Section.PARAM_STORE, 'stores', '', 'a parameter store: values from other entities'),
  kind('list', Section.ID_LIST, 'lists', '', 'an id list: an audience by id'),
];

function kind(word: string, section: Section, part: string, entity: string, about: string): Kind {
  return { word, section, part, prefix: '', entity, about };
}

/** A name may come with its prefix, as listings print it. */
export function refOf({ section, prefix }: Kind, name: string): EntityRef {
  return { section, name: name.startsWith(prefix) ? name : `${prefix}${name}` };
}

/** The kind of a stored entity; undefined for what nobody writes by hand, such as a condition. */
export function kindOfEntity(entity: Entity): Kind | undefined {
  const { body } = entity;
  const isSpec = body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer';
  const word = isSpec ? body.value.entity : '';
  return kinds.find(({ section, entity: own }) => section === sectionOf(entity) && own === word);
}

/** `gate/checkout`. @throws SluiceError `invalid` for a text without a kind. */
export function parseRef(field: string, text: string): EntityRef {
  const slash = text.indexOf('/');
  const found = kinds.find(({ word }) => word === text.slice(0, Math.max(slash, 0)));
  const name = text.slice(slash + 1);
  if (found && name !== '') return refOf(found, name);
  const words = kinds.map(({ word }) => word).join(', ');
  throw invalid(field, `must be a kind and a name, such as gate/checkout; kinds are ${words}`);
}

const sectionWords = new Map<Section, string>([
  [Section.GATE, 'gate'],
  [Section.CONFIG, 'config'],
  [Section.LAYER, 'layer'],
  [Section.CONDITION, 'condition'],
  [Section.PARAM_STORE, 'store'],
  [Section.ID_LIST, 'list'],
  [Section.KEY, 'key'],
]);

/** An entity for people: `gate/checkout`, `segment/staff`. Where it is stored, experiments are configs. */
export function spellRef(ref: EntityRef | undefined): string {
  if (!ref) return '';
  if (ref.section === Section.GATE && ref.name.startsWith('segment:')) return `segment/${ref.name.slice(8)}`;
  return `${sectionWords.get(ref.section) ?? `section ${ref.section}`}/${ref.name}`;
}

/** The same for what is at hand, so that an experiment is one: `experiment/button`. */
export function spellEntity(entity: Entity): string {
  const kind = kindOfEntity(entity);
  if (!kind) return spellRef({ section: sectionOf(entity), name: entity.name });
  const { prefix, word } = kind;
  return `${word}/${entity.name.startsWith(prefix) ? entity.name.slice(prefix.length) : entity.name}`;
}
