import { setTimeout as delay } from 'node:timers/promises';
import { equalHashes, stateHashBytes } from '@sluice/codec';
import {
  backoff,
  type Client,
  createClient,
  globalSeconds,
  type Logger,
  SluiceError,
  sharedClock,
  withSpan,
} from '@sluice/mesh';
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
import { comeBackMaxMs, frameBytesMax, reconnectFirstMs, reconnectLongestMs } from './limits.js';
import type { Settled } from './options.js';
import { readWatchMessage, type WatchMessage, watchDefinition } from './watch-message.js';

export interface RulesetStreamOptions extends Pick<Settled, 'connection' | 'set' | 'staleAfterMs' | 'silenceMs'> {
  readonly holder: Holder;
  readonly logger: Logger;
  /** A state was proven and is held now. */
  readonly onApplied: (state: ReplicaState) => void;
  /** The held state was config's newest at that time. */
  readonly onConfirmed: (set: SetRef, atMs: number) => void;
}

const hops = globalSeconds('sluice.propagation', 'From the commit of a change to each place that it reaches');

/** Follows one set: resumes where it stands, proves every frame, and asks for a snapshot rather than guess. */
export class RulesetStream {
  readonly #options: RulesetStreamOptions;
  readonly #client: Client<typeof watchDefinition>;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #isSnapshotWanted = false;
  #attempt = 0;
  #isConnected = false;
  #problem: string | undefined;

  constructor(options: RulesetStreamOptions) {
    this.#options = options;
    this.#client = createClient(watchDefinition, { ...options.connection, maxReceiveBytes: frameBytesMax });
  }

  /** Whether the stream lives. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Why it does not; undefined while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#client.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const told = await this.#follow().catch((error: unknown) => this.#fail(error));
      this.#isConnected = false;
      const waitMs = told ?? backoff(this.#attempt++, reconnectFirstMs, reconnectLongestMs);
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns how long to wait, in milliseconds, where a server that stops or has too much to do said so. */
  #fail(error: unknown): number | undefined {
    if (this.#stopping.signal.aborted) return undefined;
    const toldMs = error instanceof SluiceError ? error.retryAfterMs : undefined;
    const reason = error instanceof Error ? error.message : String(error);
    // Once for each outage, and again when its cause changes.
    if (this.#problem !== reason)
      this.#options.logger.warn({ reason }, 'ruleset stream lost; going on with what is held');
    this.#problem = reason;
    return toldMs === undefined ? undefined : Math.min(toldMs, comeBackMaxMs);
  }

  /** Reads one stream until it ends, goes silent, or says something that can't be right. */
  async #follow(): Promise<never> {
    const { silenceMs, set, holder } = this.#options;
    const { current } = holder;
    const silent = new AbortController();
    const watchdog = setTimeout(() => silent.abort(), silenceMs).unref();
    const signal = AbortSignal.any([this.#stopping.signal, silent.signal]);
    const place =
      current === undefined || this.#isSnapshotWanted
        ? { revision: 0, stateHash: Buffer.alloc(0) }
        : {
            revision: current.revision,
            stateHash: Buffer.from(current.stateHash),
            lineage: current.state?.lineage || undefined,
          };
    try {
      for await (const bytes of this.#client.watchRuleset({ set, ...place }, { signal })) {
        watchdog.refresh();
        await this.#receive(bytes);
        watchdog.refresh();
      }
      throw new Error('the evaluator ended the stream');
    } catch (error) {
      if (silent.signal.aborted) throw new Error(`the stream was silent for ${silenceMs} ms`, { cause: error });
      throw error;
    } finally {
      clearTimeout(watchdog);
    }
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    const message = readWatchMessage(bytes);
    if (message.kind === 'frame') await this.#take(message);
    else this.#confirm(message.heartbeat);
    this.#isSnapshotWanted = false;
    this.#attempt = 0;
    if (this.#problem !== undefined) this.#options.logger.info('ruleset stream lives again');
    this.#problem = undefined;
    this.#isConnected = true;
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
    // A sender of an older history is behind, whatever its numbers say.
    if (ofLineage === 'earlier') return;
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
