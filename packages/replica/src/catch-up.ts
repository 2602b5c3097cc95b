import { setTimeout as delay } from 'node:timers/promises';
import { backoff, type Logger, type Release, SluiceError, unhurried } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';
import type { Authority } from './authority.js';
import { type FrameMessage, type FrameSource, rulesetStream, subjectOf } from './frame-source.js';
import { setKey } from './holdings.js';
import type { RawFrame } from './raw-frame.js';

export interface CatchUpOptions {
  readonly set: SetRef;
  readonly authority: Authority;
  readonly source: FrameSource;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly heldRevision: () => number;
  /** Takes a snapshot. @returns whether it is to be trusted; an older one than held is. */
  readonly onSnapshot: (bytes: Uint8Array) => Promise<boolean>;
  /** Takes a frame that fetching made possible. @returns whether it leads on from what is held, or is held already. */
  readonly onFrame: (frame: RawFrame) => boolean;
  /** Takes a frame that the stream repeats. */
  readonly onReplayed: (message: FrameMessage) => void;
}

const firstWaitMs = 100;
const longestWaitMs = 5_000;

/** Frames kept while a snapshot is on its way. */
const pendingMax = 64;

/**
 * Brings one set up to date after a gap, a mismatch or an elided frame: by a snapshot from the
 * authority, and, while that is away, by what the stream still holds. Goes on until one of the two works.
 */
export class CatchUp {
  readonly done: Promise<void>;
  readonly #options: CatchUpOptions;
  #pending: RawFrame[] = [];
  /** Newest revision that was seen on the stream; a damaged frame may claim any. */
  #target = 0;
  #replay: Release | undefined;

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.done = this.#run().finally(() => this.#replay?.());
  }

  /** A frame that can't be applied yet. */
  keep(frame: RawFrame): void {
    this.#target = Math.max(this.#target, frame.revision);
    this.#pending.push(frame);
    if (this.#pending.length > pendingMax) this.#pending.shift();
  }

  async #run(): Promise<void> {
    const { signal, set, logger } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        if (await this.#fetch()) return;
      } catch (error) {
        if (signal.aborted) return;
        if (attempt === 0) logger.warn({ set: setKey(set), reason: reasonOf(error) }, 'snapshot can not be fetched');
        if (error instanceof SluiceError && error.kind === 'not_found') return;
        this.#replay ??= this.#startReplay();
        if (this.#target > 0 && this.#options.heldRevision() >= this.#target) return;
      }
      await delay(backoff(attempt, firstWaitMs, longestWaitMs), undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns whether the set is up to date with all that is known of it. */
  async #fetch(): Promise<boolean> {
    const { authority, set, signal, onSnapshot } = this.#options;
    const bytes = await authority.fetchSnapshot(set, unhurried(signal));
    return (await onSnapshot(bytes)) && this.#drain();
  }

  /**
   * Applies what had to wait. A frame that can't be applied even so came while the snapshot was
   * on its way, and asks for one more; it is asked for once, so that a damaged frame, which
   * may claim any revision, can't keep this going.
   */
  #drain(): boolean {
    const pending = this.#pending.sort((left, right) => left.revision - right.revision);
    this.#pending = [];
    let isComplete = true;
    for (const frame of pending) isComplete = this.#options.onFrame(frame) && isComplete;
    return isComplete;
  }

  #startReplay(): Release | undefined {
    const { source, set, onReplayed } = this.#options;
    if (!source.isConnected()) return undefined;
    return source.follow({ stream: rulesetStream, subjects: subjectOf(set), deliver: 'all' }, onReplayed, () => {});
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
