import type { Logger } from '@sluice/mesh';
import type { SetState } from '@sluice/proto';
import { setKey } from './holdings.js';
import { compareLineage, type ReplicaState } from './replica.js';

/**
 * Sets of which more is held than config has. What was held before config was asked, and config
 * has not, is of a history that is gone: config was restored from a backup.
 */
export class Ahead {
  readonly #logger: Logger;
  /** Config's revision, by set. */
  readonly #listed = new Map<string, number>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Revisions by which a state is beyond config's newest one, as of config's last word. */
  revisionsOf({ set, revision }: Pick<ReplicaState, 'set' | 'revision'>): number {
    const listed = this.#listed.get(setKey(set));
    return listed === undefined ? 0 : Math.max(revision - listed, 0);
  }

  /** `before`: what was held when config was asked, by `setKey`. */
  note(listed: readonly SetState[], before: ReadonlyMap<string, ReplicaState>): void {
    for (const { set, revision, lineage } of listed) {
      const state = set && before.get(setKey(set));
      if (!state) continue;
      const key = setKey(set);
      const isAhead = state.revision > revision && compareLineage(state.lineage, lineage) === 'same';
      if (!isAhead) {
        this.#listed.delete(key);
        continue;
      }
      const line = { set: key, held: state.revision, newest: revision };
      if (!this.#listed.has(key)) this.#logger.warn(line, 'config went back in time: it does not know what is held');
      this.#listed.set(key, revision);
    }
  }
}
