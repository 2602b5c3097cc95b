import {
  addEntity,
  canonicalEntity,
  emptyStateHash,
  entityKey,
  removeEntity,
  type StateHash,
  sectionOf,
} from '@sluice/codec';
import { type Entity, Frame, KeyClass, type Rule, type SetRef, type Spec } from '@sluice/proto';
import { type RawFrame, rawFrame } from '@sluice/replica';

export const demo: SetRef = { project: 'demo', environment: 'production' };

export function ruleOf(part: Partial<Rule> = {}): Rule {
  return {
    id: 'everyone',
    name: 'everyone',
    passPercentage: 100,
    conditionIds: [],
    returnValueJson: 'true',
    idType: 'userID',
    ...part,
  };
}

function specOf(part: Partial<Spec>): Spec {
  return {
    entity: 'feature_gate',
    salt: 'salt',
    enabled: true,
    defaultValueJson: 'false',
    rules: [],
    idType: 'userID',
    explicitParameters: undefined,
    targetAppIds: undefined,
    fieldsUsed: undefined,
    ...part,
  };
}

/** A gate that answers true for `percent` of all users. */
export function gateEntity(name: string, percent: number, idType = 'userID'): Entity {
  const rules = [ruleOf({ passPercentage: percent, idType })];
  return { name, version: 1, body: { $case: 'gate', value: specOf({ salt: name, idType, rules }) } };
}

/** A config that answers this value for everybody. */
export function configEntity(name: string, value: object, part: Partial<Spec> = {}): Entity {
  const rules = [ruleOf({ returnValueJson: JSON.stringify(value) })];
  const spec = specOf({ entity: 'dynamic_config', salt: name, defaultValueJson: '{}', rules, ...part });
  return { name, version: 1, body: { $case: 'config', value: spec } };
}

/** An experiment that puts everybody into the group `test`. */
export function experimentEntity(name: string, value: object, explicitParameters: string[] = []): Entity {
  const returnValueJson = JSON.stringify(value);
  return configEntity(name, value, {
    entity: 'experiment',
    isActive: true,
    explicitParameters: { values: explicitParameters },
    rules: [ruleOf({ id: 'test-rule', returnValueJson, groupName: 'test', isExperimentGroup: true })],
  });
}

/** A layer that hands everybody to one experiment. */
export function layerEntity(name: string, value: object, experiment: string): Entity {
  const rules = [ruleOf({ id: 'allocation', returnValueJson: '{}', configDelegate: experiment })];
  const spec = specOf({ entity: 'layer', salt: name, defaultValueJson: JSON.stringify(value), rules });
  return { name, version: 1, body: { $case: 'layer', value: spec } };
}

/** A parameter store, with its parameters as a Statsig document spells them. */
export function storeEntity(
  name: string,
  bodies: Readonly<Record<string, Readonly<Record<string, unknown>> & { ref_type: string; param_type: string }>>,
): Entity {
  const parameters = Object.fromEntries(
    Object.entries(bodies).map(([key, body]) => [
      key,
      { refType: body.ref_type, paramType: body.param_type, bodyJson: JSON.stringify(body) },
    ]),
  );
  return { name, version: 1, body: { $case: 'paramStore', value: { parameters, targetAppIds: undefined } } };
}

export function keyEntity(digest: string): Entity {
  const value = {
    keyClass: KeyClass.SERVER,
    project: demo.project,
    environment: demo.environment,
    canWrite: false,
    label: '',
  };
  return { name: digest, version: 1, body: { $case: 'key', value } };
}

/** What config is to a client: the truth, and each frame that led there. */
export class Model {
  readonly set: SetRef;
  readonly entities = new Map<string, Entity>();
  readonly frames: RawFrame[] = [];
  revision = 0;
  stateHash: StateHash = emptyStateHash();

  constructor(set: SetRef = demo) {
    this.set = set;
  }

  /** Commits a change and returns its frame. */
  commit(upserts: readonly Entity[], deletions: readonly Entity[] = []): RawFrame {
    const previousRevision = this.revision;
    const previousStateHash = previousRevision === 0 ? Buffer.alloc(0) : Buffer.from(this.stateHash);
    for (const entity of deletions) this.#replace(entityKey(entity), undefined);
    const canonical = upserts.map(canonicalEntity);
    for (const entity of canonical) this.#replace(entityKey(entity), entity);
    this.revision++;
    const frame = rawFrame({
      ...this.#head(),
      previousRevision,
      previousStateHash,
      upserts: canonical,
      deletions: deletions.map((entity) => ({ section: sectionOf(entity), name: entity.name })),
    });
    this.frames.push(frame);
    return frame;
  }

  snapshot(): RawFrame {
    return rawFrame({ ...this.#head(), upserts: [...this.entities.values()] });
  }

  #head(): Frame {
    return Frame.create({
      set: this.set,
      revision: this.revision,
      stateHash: Buffer.from(this.stateHash),
      previousStateHash: Buffer.alloc(0),
      committedAtMs: Date.now(),
    });
  }

  #replace(key: string, entity: Entity | undefined): void {
    const before = this.entities.get(key);
    if (before) this.stateHash = removeEntity(this.stateHash, before);
    if (entity) this.stateHash = addEntity(this.stateHash, entity);
    if (entity) this.entities.set(key, entity);
    else this.entities.delete(key);
  }
}
