import { equalHashes } from '@sluice/codec';
import { type Clock, jitter, type Logger, type Release, type SpanOptions, systemClock, withSpan } from '@sluice/mesh';
import { Pulse, type SetRef, type SetState } from '@sluice/proto';
import { Ahead } from './ahead.js';
import type { Authority } from './authority.js';
import { CatchUp } from './catch-up.js';
import type { Disk } from './disk.js';
import {
  type FrameMessage,
  type FrameSource,
  pulseSubject,
  rulesetStream,
  rulesetSubjects,
  subjectOf,
} from './frame-source.js';
import { type Holdings, setKey } from './holdings.js';
import { Poll } from './poll.js';
import { type RawFrame, readFrame } from './raw-frame.js';
import {
  applyFrame,
  applyFrameSliced,
  compareLineage,
  emptyState,
  type Outcome,
  type ReplicaState,
  snapshotFrame,
} from './replica.js';
import { standingDigest } from './standing-digest.js';
import { StreamWatchdog } from './stream-watchdog.js';

/** How a state came to be held. */
export type Cause = 'disk' | 'stream' | 'snapshot';

/** A set has a new state. */
export interface Applied {
  /** From the state before to this one; a whole snapshot when there was none before. */
  readonly delta: RawFrame;
  readonly state: ReplicaState;
  readonly cause: Cause;
  /** When the bus took the frame, Unix milliseconds; absent when it did not come from there, or is not known. */
  readonly publishedAtMs?: number | undefined;
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
  /** The stream is dead when config gave no sign of life for this long, in milliseconds. 2.5 s unless said. */
  readonly silentAfterMs?: number;
}

/** What became of frames since the start. */
export interface FollowerCounters extends Record<string, number> {
  frames_applied: number;
  frames_ignored: number;
  frames_gap: number;
  frames_mismatch: number;
  frames_broken: number;
  snapshots_fetched: number;
  lineages_replaced: number;
  stream_silences: number;
}

/** Config gives a sign of life each second. */
const defaultSilentAfterMs = 2_500;

/** How often a snapshot is applied to a state that has changed meanwhile, before nothing else is let in between. */
const slicedTriesMax = 3;

/** Sets whose newest revision is remembered. */
const newestMax = 100_000;

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
    lineages_replaced: 0,
    stream_silences: 0,
  };
  readonly #options: FollowerOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #catchUps = new Map<string, CatchUp>();
  readonly #poll: Poll;
  readonly #watchdog: StreamWatchdog | undefined;
  readonly #releases: Release[] = [];
  /** By config's own word, newest revision of each set. */
  readonly #newest = new Map<string, number>();
  readonly #ahead: Ahead;
  #hasListed = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#ahead = new Ahead(options.logger);
    this.#poll = new Poll({
      ask: (signal) => this.#ask(signal),
      restMs: () => jitter(this.isStreamAlive() ? (options.pollMs ?? 5_000) : (options.pollWithoutStreamMs ?? 1_000)),
      logger: options.logger,
    });
    if (!options.source.subscribe) return;
    this.#watchdog = new StreamWatchdog({
      silentAfterMs: options.silentAfterMs ?? defaultSilentAfterMs,
      logger: options.logger,
      onSilence: () => {
        this.counters.stream_silences++;
        this.#poll.hurry();
      },
    });
  }

  /** Whether changes can be expected to come by the stream: it is connected, and config is heard on it. */
  isStreamAlive(): boolean {
    return this.#options.source.isConnected() && !this.#watchdog?.isSilent;
  }

  /** The newest revision of a set, by config's own word; undefined when it has said none. */
  newestRevision(set: SetRef): number | undefined {
    return this.#newest.get(setKey(set));
  }

  /** Revisions held beyond config's newest one: some only where config went back in time. */
  revisionsAhead(state: ReplicaState): number {
    return this.#ahead.revisionsOf(state);
  }

  /** Loads what is on disk, then follows in the background. */
  async start(): Promise<void> {
    for (const { state, freshAtMs } of (await this.#options.disk?.load()) ?? []) {
      this.#options.holdings.put(state, freshAtMs);
      this.#options.onApplied?.({ delta: snapshotFrame(state), state, cause: 'disk' });
    }
    const { source } = this.#options;
    this.#releases.push(
      source.follow(
        { stream: rulesetStream, subjects: rulesetSubjects, deliver: 'last_per_subject', isLive: true },
        (message) => this.#receive(message),
        () => this.#poll.hurry(),
      ),
    );
    if (source.subscribe) this.#releases.push(source.subscribe(pulseSubject, ({ data }) => this.#hearPulse(data)));
    if (this.#watchdog) this.#releases.push(this.#watchdog.start());
    this.#poll.start();
  }

  /** Whoever holds all that config says is newest is up to date; whoever does not asks what is missing. */
  #hearPulse(data: Uint8Array): void {
    const { digest } = Pulse.decode(data);
    this.#watchdog?.hear();
    const states = this.#options.holdings.all().map(({ state }) => state);
    if (!equalHashes(standingDigest(states), digest)) {
      this.#poll.hurry();
      return;
    }
    const nowMs = this.#clock.now();
    for (const { set, revision } of states) {
      this.#noteNewest(set, revision);
      this.#confirm(set, nowMs);
    }
  }

  #noteNewest(set: SetRef, revision: number): void {
    const key = setKey(set);
    if (this.#newest.size < newestMax || this.#newest.has(key)) this.#newest.set(key, revision);
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
    for (const release of this.#releases.reverse()) await release();
    await this.#poll.stop();
    await Promise.all([...this.#catchUps.values()].map(({ done }) => done));
    await this.#options.disk?.close();
  }

  #receive(message: FrameMessage): void {
    const { traceparent, publishedAtMs } = message;
    const frame = this.#readMessage(message);
    if (frame === undefined) {
      this.#poll.hurry();
      return;
    }
    const { kind } = this.#apply(frame, 'stream', traceparent, publishedAtMs);
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

  #apply(frame: RawFrame, cause: Cause, traceparent: string | undefined, publishedAtMs?: number): Outcome {
    const { holdings } = this.#options;
    const before = holdings.get(frame.set) ?? emptyState(frame.set);
    // Most repeats are known without a look inside, and make no span.
    const isOld = frame.revision <= before.revision && frame.previousRevision !== 0;
    if (isOld && compareLineage(before.lineage, frame.lineage) !== 'later') {
      this.counters.frames_ignored++;
      return { kind: 'ignored', isSame: equalHashes(frame.stateHash, before.stateHash) };
    }
    return withSpan('ruleset.apply', spanOf(frame, cause, traceparent), () => {
      const outcome = applyFrame(before, frame);
      this.#settle(before, frame, outcome, cause, publishedAtMs);
      return outcome;
    });
  }

  /**
   * Config's own snapshot. It is worked on a few milliseconds at a time, so that calls are answered
   * meanwhile; when the stream has brought another state in that time, it is worked on anew.
   */
  #applySnapshot(frame: RawFrame, traceparent: string | undefined): Promise<Outcome> {
    const { holdings } = this.#options;
    return withSpan('ruleset.apply', spanOf(frame, 'snapshot', traceparent), async () => {
      for (let tries = 1; ; tries++) {
        const held = holdings.get(frame.set);
        const before = held ?? emptyState(frame.set);
        const isLast = tries >= slicedTriesMax;
        const outcome = isLast
          ? applyFrame(before, frame, 'authority')
          : await applyFrameSliced(before, frame, 'authority');
        if (outcome.kind === 'applied' && holdings.get(frame.set) !== held) continue;
        this.#settle(before, frame, outcome, 'snapshot', undefined);
        return outcome;
      }
    });
  }

  #settle(before: ReplicaState, frame: RawFrame, outcome: Outcome, cause: Cause, publishedAtMs?: number): void {
    this.#count(frame, outcome);
    if (outcome.kind !== 'applied') return;
    const { state, delta } = outcome;
    if (compareLineage(before.lineage, state.lineage) !== 'same') this.#noteReplaced(before, state);
    const { holdings, onApplied, disk } = this.#options;
    holdings.put(state, this.#clock.now());
    if (this.#isNewest(state)) this.#noteNewest(state.set, state.revision);
    onApplied?.({ delta, state, cause, publishedAtMs });
    disk?.save(state);
  }

  #isNewest({ set, revision }: ReplicaState): boolean {
    return revision > (this.#newest.get(setKey(set)) ?? 0);
  }

  #noteReplaced(before: ReplicaState, { set, revision, lineage }: ReplicaState): void {
    this.counters.lineages_replaced++;
    this.#newest.delete(setKey(set));
    const { logger } = this.#options;
    const line = { set: setKey(set), from: before.lineage, to: lineage, before: before.revision, revision };
    logger.warn(line, 'config counts this set anew; what was held belongs to a set that is gone');
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

  async #takeSnapshot(set: SetRef, bytes: Uint8Array, traceparent: string | undefined): Promise<boolean> {
    const askedAtMs = this.#clock.now();
    const frame = this.#read(bytes);
    if (frame === undefined || setKey(frame.set) !== setKey(set)) return false;
    this.counters.snapshots_fetched++;
    const outcome = await this.#applySnapshot(frame, traceparent);
    if (outcome.kind === 'ignored' && outcome.isSame) this.#confirm(set, askedAtMs);
    return leadsOn(outcome);
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const askedAtMs = this.#clock.now();
    const before = new Map(this.#options.holdings.all().map(({ state }) => [setKey(state.set), state]));
    const sets = await this.#options.authority.listSets(signal);
    this.#hasListed = true;
    this.#ahead.note(sets, before);
    for (const listed of sets) if (listed.set) void this.#compare(listed, listed.set, askedAtMs);
  }

  async #compare({ revision, stateHash, lineage }: SetState, set: SetRef, askedAtMs: number): Promise<void> {
    const { holdings, source } = this.#options;
    const held = holdings.get(set);
    // Revision 0: the set was created, and has no ruleset yet.
    if (revision === 0) return;
    if (held && compareLineage(held.lineage, lineage) !== 'same') return void this.#catchUp(set);
    this.#noteNewest(set, revision);
    if (held?.revision === revision && equalHashes(held.stateHash, stateHash)) return this.#confirm(set, askedAtMs);
    // A frame overtook the answer, or config went back in time. We do not go back with it; the age of our answers tells.
    if (held && held.revision > revision) return;
    const isLate = held && held.revision < revision && source.isConnected() && !this.#watchdog?.isSilent;
    if (isLate && (await holdings.waitFor(set, revision, streamGraceMs, this.#stopping.signal))) return;
    if (!this.#stopping.signal.aborted) this.#catchUp(set);
  }

  #confirm(set: SetRef, atMs: number): void {
    this.#options.holdings.confirm(set, atMs);
    this.#options.disk?.freshen(set, atMs);
  }
}

function spanOf(frame: RawFrame, cause: Cause, traceparent: string | undefined): SpanOptions {
  const attributes = { 'sluice.set': setKey(frame.set), 'sluice.revision': frame.revision, 'sluice.cause': cause };
  return { kind: 'consumer', parent: traceparent, attributes };
}

function leadsOn({ kind }: Outcome): boolean {
  return kind === 'applied' || kind === 'ignored';
}
