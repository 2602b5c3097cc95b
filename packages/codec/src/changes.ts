import type { Ruleset, RulesetChanges } from '@sluice/engine';
import { type Entity, type EntityRef, Section } from '@sluice/proto';
import { namedSetting, placeEntity, type RulesetDraft, type SectionName } from './ruleset.js';

const sectionNames: Partial<Record<Section, SectionName>> = {
  [Section.GATE]: 'gates',
  [Section.CONFIG]: 'configs',
  [Section.LAYER]: 'layers',
  [Section.CONDITION]: 'conditions',
  [Section.PARAM_STORE]: 'paramStores',
  [Section.CMAB]: 'cmabs',
  [Section.OVERRIDE]: 'overrides',
  [Section.OVERRIDE_RULE]: 'overrideRules',
  [Section.ID_LIST]: 'idLists',
  [Section.SETTING]: 'settings',
  [Section.EXPERIMENT_LAYER]: 'experimentToLayer',
};

interface Draft {
  upserts: [string, unknown][];
  deletes: string[];
}

/** What a change does to each section; SDK keys are no part of it. */
class ChangeDraft {
  readonly sections = new Map<SectionName, Draft>();
  readonly settings: { time?: number; appId?: string | null; defaultEnvironment?: string | null } = {};

  upsert(entity: Entity): void {
    const placed = placeEntity(entity);
    if (placed) this.#section(placed.section).upserts.push([entity.name, placed.value]);
    if (entity.body?.$case !== 'settingJson') return;
    // A text of the wrong type is passed through, so what the engine held before no longer stands.
    this.#forgetSetting(entity.name);
    const named = namedSetting(entity.name, entity.body.value);
    if (named === undefined) return;
    Object.assign(this.settings, named);
    this.#section('settings').deletes.push(entity.name);
  }

  delete({ section, name }: EntityRef): void {
    const known = sectionNames[section];
    if (known) this.#section(known).deletes.push(name);
    if (section === Section.SETTING) this.#forgetSetting(name);
  }

  #forgetSetting(name: string): void {
    if (name === 'time') this.settings.time = 0;
    if (name === 'app_id') this.settings.appId = null;
    if (name === 'default_environment') this.settings.defaultEnvironment = null;
  }

  #section(name: SectionName): Draft {
    const draft = this.sections.get(name) ?? { upserts: [], deletes: [] };
    this.sections.set(name, draft);
    return draft;
  }
}

function draftOf(upserts: Iterable<Entity>, deletions: Iterable<EntityRef>): ChangeDraft {
  const draft = new ChangeDraft();
  for (const ref of deletions) draft.delete(ref);
  for (const entity of upserts) draft.upsert(entity);
  return draft;
}

/**
 * The engine's form of a change, for `patch`.
 * @throws EntityError when a bandit's JSON text can't be read.
 */
export function changesFromEntities(upserts: Iterable<Entity>, deletions: Iterable<EntityRef>): RulesetChanges {
  return changesOf(draftOf(upserts, deletions));
}

function changesOf({ sections, settings }: ChangeDraft): RulesetChanges {
  // Each draft was filled from the section of the same name, which the compiler can't follow.
  return { ...settings, ...Object.fromEntries(sections) } as RulesetChanges;
}

/**
 * The ruleset after a change, and the change for the engine's `patch`. Only the maps that the
 * change touches are copied; the old ruleset stays as it was.
 * @throws EntityError when a bandit's JSON text can't be read.
 */
export function applyEntities(
  ruleset: Ruleset,
  upserts: Iterable<Entity>,
  deletions: Iterable<EntityRef>,
): { ruleset: Ruleset; changes: RulesetChanges } {
  const draft = draftOf(upserts, deletions);
  const next: RulesetDraft = { ...ruleset };
  for (const [name, { upserts, deletes }] of draft.sections) {
    const section = new Map<string, unknown>(ruleset[name]);
    for (const gone of deletes) section.delete(gone);
    for (const [key, value] of upserts) section.set(key, value);
    Object.assign(next, { [name]: section });
  }
  const { time, appId, defaultEnvironment } = draft.settings;
  if (time !== undefined) next.time = time;
  replace(next, 'appId', appId);
  replace(next, 'defaultEnvironment', defaultEnvironment);
  return { ruleset: next, changes: changesOf(draft) };
}

/** Undefined leaves the setting alone; null removes it. */
function replace(draft: RulesetDraft, name: 'appId' | 'defaultEnvironment', value: string | null | undefined): void {
  if (value === null) delete draft[name];
  else if (value !== undefined) draft[name] = value;
}
