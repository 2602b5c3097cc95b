import { equalHashes, stateHashBytes } from '@sluice/codec';
import { globalSeconds, sharedClock, withSpan } from '@sluice/mesh';
import { type Heartbeat, Section, type SetRef } from '@sluice/proto';
import {
  applyFrame,
  applyFrameSliced,
  compareLineage,
  emptyState,
  type Outcome,
  type RawFrame,
  type ReplicaState,
} from '@sluice/replica';
import type { HopTimes } from './change-listeners.js';
import { Held } from './held.js';
import type { Holder } from './holder.js';
import type { Settled } from './options.js';
import { readWatchMessage, type WatchMessage } from './watch-message.js';

export interface RulesetReaderOptions extends Pick<Settled, 'staleAfterMs'> {
  readonly holder: Holder;
  /** A state was proven and is held now. */
  readonly onApplied: (state: ReplicaState) => void;
  /** The held state was config's newest at that time. */
  readonly onConfirmed: (set: SetRef, atMs: number) => void;
}

/** Where a reader stands: what it asks a stream to go on from. */
export interface ReaderPlace {
  readonly revision: number;
  readonly stateHash: Buffer;
  readonly lineage?: string | undefined;
}

const hops = globalSeconds('sluice.propagation', 'From the commit of a change to each place that it reaches');

/** Makes rulesets of what a stream says: proves every frame, and asks for a snapshot rather than guess. */
export class RulesetReader {
  readonly #options: RulesetReaderOptions;
  #isSnapshotWanted = false;

  constructor(options: RulesetReaderOptions) {
    this.#options = options;
  }

  /** From where the next stream has to go on. */
  place(): ReaderPlace {
    const { current } = this.#options.holder;
    if (current === undefined || this.#isSnapshotWanted) return { revision: 0, stateHash: Buffer.alloc(0) };
    const { revision, stateHash, state } = current;
    return { revision, stateHash: Buffer.from(stateHash), lineage: state?.lineage || undefined };
  }

  /** Takes a WatchRulesetResponse. @throws Error for one that can't be right: the stream is of no use any more. */
  async receive(bytes: Uint8Array): Promise<void> {
    const message = readWatchMessage(bytes);
    if (message.kind === 'frame') await this.#take(message);
    else this.#confirm(message.heartbeat);
    this.#isSnapshotWanted = false;
  }

  /** Changes are applied at once; snapshots some milliseconds at a time, as the program around us has other things to do. */
  #take(message: WatchMessage & { kind: 'frame' }): void | Promise<void> {
    const { frame, traceparent } = message;
    const base = this.#baseFor(frame);
    const attributes = { 'sluice.revision': frame.revision };
    return withSpan('ruleset.apply', { kind: 'consumer', parent: traceparent, attributes }, () => {
      if (frame.previousRevision !== 0) return this.#settle(message, applyFrame(base, frame));
      // Evaluators may be of yesterday; once nobody has confirmed what is held for long, they are believed.
      const word = this.#options.holder.current?.isStale === false ? 'replica' : 'authority';
      return applyFrameSliced(base, frame, word).then((outcome) => this.#settle(message, outcome));
    });
  }

  #settle({ frame, relayedAtMs }: WatchMessage & { kind: 'frame' }, outcome: Outcome): void {
    const { holder, staleAfterMs, onApplied } = this.#options;
    switch (outcome.kind) {
      case 'applied': {
        const times = relayedAtMs === undefined ? undefined : timesOf(frame, relayedAtMs);
        holder.put(new Held(outcome.state, 'network', Date.now(), staleAfterMs), namesIn(outcome.delta), times);
        onApplied(outcome.state);
        return;
      }
      case 'ignored':
        return;
      default:
        this.#isSnapshotWanted = true;
        throw new Error(
          outcome.kind === 'gap' ? `frames before revision ${frame.revision} are missing` : outcome.reason,
        );
    }
  }

  /** The key says which set it is: a bootstrap of another set gives way to a snapshot. */
  #baseFor({ set, previousRevision }: RawFrame): ReplicaState {
    const state = this.#options.holder.current?.state;
    const isOther = state?.set.project !== set.project || state.set.environment !== set.environment;
    return state && !(isOther && previousRevision === 0) ? state : emptyState(set);
  }

  #confirm({ revision, stateHash, ageMs, lineage }: Heartbeat): void {
    const held = this.#options.holder.current;
    const ofLineage = compareLineage(held?.state?.lineage ?? '', lineage);
    // A sender of an older history is behind, whatever its numbers say; unless nobody has confirmed ours for long.
    if (ofLineage === 'earlier') {
      if (!held?.isStale) return;
      this.#isSnapshotWanted = true;
      throw new Error('nobody confirms the history that is held; evaluators have another one');
    }
    if (!held || held.revision < revision || ofLineage === 'later') {
      this.#isSnapshotWanted = true;
      throw new Error(`revision ${revision} was not sent`);
    }
    // A sender that is behind knows nothing of what is held.
    if (held.revision > revision) return;
    if (stateHash.length === stateHashBytes && !equalHashes(stateHash, held.stateHash)) {
      this.#isSnapshotWanted = true;
      throw new Error(`revision ${revision} is another one there than here`);
    }
    const atMs = Date.now() - ageMs;
    held.confirm(atMs);
    if (held.set) this.#options.onConfirmed(held.set, atMs);
  }
}

/** Notes how long each hop took. */
function timesOf({ committedAtMs }: RawFrame, relayedAtMs: number): HopTimes {
  const appliedAtMs = sharedClock.now();
  hops.record(Math.max(appliedAtMs - relayedAtMs, 0) / 1_000, { hop: 'applied_to_sdk' });
  hops.record(Math.max(appliedAtMs - committedAtMs, 0) / 1_000, { hop: 'commit_to_sdk' });
  return { committedAtMs, relayedAtMs, appliedAtMs };
}

const answered: readonly number[] = [Section.GATE, Section.CONFIG, Section.LAYER, Section.PARAM_STORE, Section.CMAB];

/** What callers can ask for by name and may get another answer for. */
function namesIn({ upserts, deletions }: RawFrame): string[] {
  const names = [...upserts, ...deletions].filter(({ section }) => answered.includes(section)).map(({ name }) => name);
  return [...new Set(names)];
}
