import {
  addEntity,
  canonicalEntity,
  emptyStateHash,
  entityKey,
  hashEntities,
  removeEntity,
  type StateHash,
  sectionOf,
} from '@sluice/codec';
import { type Entity, Frame, type SetRef, type SetState } from '@sluice/proto';

export const demo: SetRef = { project: 'demo', environment: 'production' };

/** A gate that answers true for `percent` of all users. */
export function gateEntity(name: string, percent: number, version = 1): Entity {
  return {
    name,
    version,
    body: {
      $case: 'gate',
      value: {
        entity: 'feature_gate',
        salt: name,
        enabled: true,
        defaultValueJson: 'false',
        rules: [
          {
            id: 'everyone',
            name: 'everyone',
            passPercentage: percent,
            conditionIds: [],
            returnValueJson: 'true',
            idType: 'userID',
          },
        ],
        idType: 'userID',
        explicitParameters: undefined,
        targetAppIds: undefined,
        fieldsUsed: undefined,
      },
    },
  };
}

export function keyEntity(digest: string, project: string, environment: string): Entity {
  return {
    name: digest,
    version: 1,
    body: { $case: 'key', value: { keyClass: 1, project, environment, canWrite: false, label: '' } },
  };
}

/** What config is to a replica: the truth, and each frame that led there. */
export class Model {
  readonly set: SetRef;
  readonly entities = new Map<string, Entity>();
  readonly frames: Frame[] = [];
  revision = 0;
  stateHash: StateHash = emptyStateHash();

  /** Which history this is; undefined when it does not say. */
  readonly lineage: string | undefined;

  constructor(set: SetRef = demo, lineage?: string) {
    this.set = set;
    this.lineage = lineage;
  }

  /** Commits a change and returns its frame. */
  commit(upserts: readonly Entity[], deletions: readonly Entity[] = []): Frame {
    const previous = { revision: this.revision, stateHash: this.stateHash };
    for (const entity of deletions) this.#replace(entityKey(entity), undefined);
    const canonical = upserts.map(canonicalEntity);
    for (const entity of canonical) this.#replace(entityKey(entity), entity);
    this.revision++;
    const frame: Frame = {
      set: this.set,
      revision: this.revision,
      previousRevision: previous.revision,
      stateHash: Buffer.from(this.stateHash),
      previousStateHash: previous.revision === 0 ? Buffer.alloc(0) : Buffer.from(previous.stateHash),
      committedAtMs: 1_700_000_000_000 + this.revision,
      upserts: canonical,
      deletions: deletions.map((entity) => ({ section: sectionOf(entity), name: entity.name })),
      isElided: false,
      lineage: this.lineage,
    };
    this.frames.push(frame);
    return frame;
  }

  snapshot(): Frame {
    return {
      set: this.set,
      revision: this.revision,
      previousRevision: 0,
      stateHash: Buffer.from(hashEntities(this.entities.values())),
      previousStateHash: Buffer.alloc(0),
      committedAtMs: 1_700_000_000_000 + this.revision,
      upserts: [...this.entities.values()],
      deletions: [],
      isElided: false,
      lineage: this.lineage,
    };
  }

  state(): SetState {
    return {
      set: this.set,
      revision: this.revision,
      stateHash: Buffer.from(this.stateHash),
      committedAtMs: 1_700_000_000_000 + this.revision,
      lineage: this.lineage,
    };
  }

  #replace(key: string, entity: Entity | undefined): void {
    const before = this.entities.get(key);
    if (before) this.stateHash = removeEntity(this.stateHash, before);
    if (entity) this.stateHash = addEntity(this.stateHash, entity);
    if (entity) this.entities.set(key, entity);
    else this.entities.delete(key);
  }
}

export const bytesOf = (frame: Frame): Uint8Array => Frame.encode(frame).finish();
