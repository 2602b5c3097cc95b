import { equalHashes } from '@sluice/codec';
import { type Clock, jitter, type Logger, type Release, systemClock, withSpan } from '@sluice/mesh';
import type { SetRef, SetState } from '@sluice/proto';
import type { Authority } from './authority.js';
import { CatchUp } from './catch-up.js';
import type { Disk } from './disk.js';
import { type FrameMessage, type FrameSource, rulesetStream, rulesetSubjects, subjectOf } from './frame-source.js';
import { type Holdings, setKey } from './holdings.js';
import { Poll } from './poll.js';
import { type RawFrame, readFrame } from './raw-frame.js';
import { applyFrame, emptyState, type Outcome, type ReplicaState, snapshotFrame } from './replica.js';

/** How a state came to be held. */
export type Cause = 'disk' | 'stream' | 'snapshot';

/** A set has a new state. */
export interface Applied {
  /** From the state before to this one; a whole snapshot when there was none before. */
  readonly delta: RawFrame;
  readonly state: ReplicaState;
  readonly cause: Cause;
}

export interface FollowerOptions {
  readonly holdings: Holdings;
  /** Last-known-good; absent for holders that can wait for the network. */
  readonly disk?: Disk | undefined;
  readonly source: FrameSource;
  readonly authority: Authority;
  readonly logger: Logger;
  readonly onApplied?: (applied: Applied) => void;
  readonly clock?: Clock;
  /** How often the authority is asked what is newest, while the stream lives. In milliseconds. */
  readonly pollMs?: number;
  /** The same while the stream is dead. */
  readonly pollWithoutStreamMs?: number;
}

/** What became of frames since the start. */
export interface FollowerCounters extends Record<string, number> {
  frames_applied: number;
  frames_ignored: number;
  frames_gap: number;
  frames_mismatch: number;
  frames_broken: number;
  snapshots_fetched: number;
}

/** Time for a frame to arrive by the stream before a snapshot is fetched for it. */
const streamGraceMs = 300;

/**
 * Keeps every set of the mesh up to date: from disk at first, then from the stream, and from the
 * authority whenever the stream has not got what is needed, or does not live. It never guesses:
 * what can't be proven by its state hash is fetched again.
 */
export class Follower {
  readonly counters: FollowerCounters = {
    frames_applied: 0,
    frames_ignored: 0,
    frames_gap: 0,
    frames_mismatch: 0,
    frames_broken: 0,
    snapshots_fetched: 0,
  };
  readonly #options: FollowerOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #catchUps = new Map<string, CatchUp>();
  readonly #poll: Poll;
  #stream: Release | undefined;
  #hasListed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#poll = new Poll({
      ask: (signal) => this.#ask(signal),
      restMs: () =>
        jitter(options.source.isConnected() ? (options.pollMs ?? 5_000) : (options.pollWithoutStreamMs ?? 1_000)),
      logger: options.logger,
    });
  }

  /** Loads what is on disk, then follows in the background. */
  async start(): Promise<void> {
    for (const { state, freshAtMs } of (await this.#options.disk?.load()) ?? []) {
      this.#options.holdings.put(state, freshAtMs);
      this.#options.onApplied?.({ delta: snapshotFrame(state), state, cause: 'disk' });
    }
    this.#stream = this.#options.source.follow(
      { stream: rulesetStream, subjects: rulesetSubjects, deliver: 'last_per_subject' },
      (message) => this.#receive(message),
      () => this.#poll.hurry(),
    );
    this.#poll.start();
  }

  /** Whether there is something to answer from, or the authority said that there is nothing. */
  isSettled(): boolean {
    return this.#options.holdings.size > 0 || this.#hasListed;
  }

  /** Asks the authority soon: somebody knows of a revision that is not held. */
  hurry(): void {
    this.#poll.hurry();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#stream?.();
    await this.#poll.stop();
    await Promise.all([...this.#catchUps.values()].map(({ done }) => done));
    await this.#options.disk?.close();
  }

  #receive(message: FrameMessage): void {
    const { traceparent } = message;
    const frame = this.#readMessage(message);
    if (frame === undefined) {
      this.#poll.hurry();
      return;
    }
    const { kind } = this.#apply(frame, 'stream', traceparent);
    if (kind === 'gap' || kind === 'mismatch') this.#catchUp(frame.set, traceparent).keep(frame);
  }

  /**
   * A frame's hash covers its entities, so the rest is held against what it must be: on the bus
   * each frame leads from one revision to the next, on the subject of its set. A wrong number
   * that was believed would make us deaf to every real revision below it.
   */
  #readMessage({ subject, data }: FrameMessage): RawFrame | undefined {
    const frame = this.#read(data);
    if (frame === undefined) return undefined;
    const isInPlace = subject === subjectOf(frame.set) && frame.revision === frame.previousRevision + 1;
    if (isInPlace) return frame;
    this.counters.frames_broken++;
    this.#options.logger.error({ subject, revision: frame.revision }, 'a frame of the stream contradicts itself');
    return undefined;
  }

  #read(data: Uint8Array): RawFrame | undefined {
    try {
      // A copy: the entities are kept, and the bus may hand out views of larger buffers.
      return readFrame(Uint8Array.from(data));
    } catch (error) {
      this.counters.frames_broken++;
      this.#options.logger.error({ err: error }, 'a message of the stream is not a frame');
      return undefined;
    }
  }

  #apply(frame: RawFrame, cause: Cause, traceparent: string | undefined): Outcome {
    const { holdings } = this.#options;
    const before = holdings.get(frame.set) ?? emptyState(frame.set);
    // Most repeats are known without a look inside, and make no span.
    if (frame.revision <= before.revision && frame.previousRevision !== 0) {
      this.counters.frames_ignored++;
      return { kind: 'ignored', isSame: equalHashes(frame.stateHash, before.stateHash) };
    }
    const attributes = { 'sluice.set': setKey(frame.set), 'sluice.revision': frame.revision, 'sluice.cause': cause };
    return withSpan('ruleset.apply', { kind: 'consumer', parent: traceparent, attributes }, () => {
      const outcome = applyFrame(before, frame);
      this.#count(frame, outcome);
      if (outcome.kind === 'applied') this.#take(outcome.state, outcome.delta, cause);
      return outcome;
    });
  }

  #take(state: ReplicaState, delta: RawFrame, cause: Cause): void {
    this.#options.holdings.put(state, this.#clock.now());
    this.#options.onApplied?.({ delta, state, cause });
    this.#options.disk?.save(state);
  }

  #count(frame: RawFrame, outcome: Outcome): void {
    this.counters[`frames_${outcome.kind}`] = (this.counters[`frames_${outcome.kind}`] ?? 0) + 1;
    if (outcome.kind !== 'mismatch') return;
    const { logger } = this.#options;
    logger.warn({ set: setKey(frame.set), revision: frame.revision, reason: outcome.reason }, 'frame refused');
  }

  /** One at a time for each set. */
  #catchUp(set: SetRef, traceparent?: string): CatchUp {
    const key = setKey(set);
    const running = this.#catchUps.get(key);
    if (running) return running;
    const { authority, source, logger } = this.#options;
    const catchUp = new CatchUp({
      set,
      authority,
      source,
      logger,
      signal: this.#stopping.signal,
      heldRevision: () => this.#options.holdings.get(set)?.revision ?? 0,
      onSnapshot: (bytes) => this.#takeSnapshot(set, bytes, traceparent),
      onFrame: (frame) => leadsOn(this.#apply(frame, 'stream', traceparent)),
      onReplayed: (message) => {
        const frame = this.#readMessage(message);
        if (frame) this.#apply(frame, 'stream', undefined);
      },
    });
    this.#catchUps.set(key, catchUp);
    void catchUp.done.finally(() => this.#catchUps.delete(key));
    return catchUp;
  }

  #takeSnapshot(set: SetRef, bytes: Uint8Array, traceparent: string | undefined): boolean {
    const askedAtMs = this.#clock.now();
    const frame = this.#read(bytes);
    if (frame === undefined || setKey(frame.set) !== setKey(set)) return false;
    this.counters.snapshots_fetched++;
    const outcome = this.#apply(frame, 'snapshot', traceparent);
    if (outcome.kind === 'ignored' && outcome.isSame) this.#confirm(set, askedAtMs);
    return leadsOn(outcome);
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const askedAtMs = this.#clock.now();
    const sets = await this.#options.authority.listSets(signal);
    this.#hasListed = true;
    for (const listed of sets) if (listed.set) void this.#compare(listed, listed.set, askedAtMs);
  }

  async #compare({ revision, stateHash }: SetState, set: SetRef, askedAtMs: number): Promise<void> {
    const { holdings, source } = this.#options;
    const held = holdings.get(set);
    // Revision 0: the set was created, and has no ruleset yet.
    if (revision === 0) return;
    if (held?.revision === revision && equalHashes(held.stateHash, stateHash)) return this.#confirm(set, askedAtMs);
    if (held && held.revision > revision) return this.#noteAhead(set, held.revision, revision);
    const isLate = held && held.revision < revision && source.isConnected();
    if (isLate && (await holdings.waitFor(set, revision, streamGraceMs, this.#stopping.signal))) return;
    if (!this.#stopping.signal.aborted) this.#catchUp(set);
  }

  /**
   * More than config has is held: a frame overtook the answer, or config went back in time, say
   * from a backup. We do not go back with it; the age of our answers tells.
   */
  #noteAhead(set: SetRef, held: number, listed: number): void {
    this.#options.logger.debug({ set: setKey(set), held, listed }, 'config knows less than is held');
  }

  #confirm(set: SetRef, atMs: number): void {
    this.#options.holdings.confirm(set, atMs);
    this.#options.disk?.freshen(set, atMs);
  }
}

function leadsOn({ kind }: Outcome): boolean {
  return kind === 'applied' || kind === 'ignored';
}
