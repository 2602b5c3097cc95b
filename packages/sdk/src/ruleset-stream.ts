import { setTimeout as delay } from 'node:timers/promises';
import { equalHashes, stateHashBytes } from '@sluice/codec';
import { backoff, type Client, createClient, type Logger } from '@sluice/mesh';
import { type Heartbeat, Section, type SetRef } from '@sluice/proto';
import { applyFrame, emptyState, type RawFrame, type ReplicaState } from '@sluice/replica';
import { Held } from './held.js';
import type { Holder } from './holder.js';
import { frameBytesMax, reconnectFirstMs, reconnectLongestMs } from './limits.js';
import type { Settled } from './options.js';
import { readWatchMessage, watchDefinition } from './watch-message.js';

export interface RulesetStreamOptions extends Pick<Settled, 'connection' | 'set' | 'staleAfterMs' | 'silenceMs'> {
  readonly holder: Holder;
  readonly logger: Logger;
  /** A state was proven and is held now. */
  readonly onApplied: (state: ReplicaState) => void;
  /** The held state was config's newest at that time. */
  readonly onConfirmed: (set: SetRef, atMs: number) => void;
}

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
      await this.#follow().catch((error: unknown) => this.#fail(error));
      this.#isConnected = false;
      const waitMs = backoff(this.#attempt++, reconnectFirstMs, reconnectLongestMs);
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #fail(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    // Once for each outage, and again when its cause changes.
    if (this.#problem !== reason)
      this.#options.logger.warn({ reason }, 'ruleset stream lost; going on with what is held');
    this.#problem = reason;
  }

  /** Reads one stream until it ends, goes silent, or says something that can't be right. */
  async #follow(): Promise<void> {
    const { silenceMs, set, holder } = this.#options;
    const { current } = holder;
    const silent = new AbortController();
    const watchdog = setTimeout(() => silent.abort(), silenceMs).unref();
    const signal = AbortSignal.any([this.#stopping.signal, silent.signal]);
    const place =
      current === undefined || this.#isSnapshotWanted
        ? { revision: 0, stateHash: Buffer.alloc(0) }
        : { revision: current.revision, stateHash: Buffer.from(current.stateHash) };
    try {
      for await (const bytes of this.#client.watchRuleset({ set, ...place }, { signal })) {
        watchdog.refresh();
        this.#receive(bytes);
      }
      throw new Error('the evaluator ended the stream');
    } catch (error) {
      if (silent.signal.aborted) throw new Error(`the stream was silent for ${silenceMs} ms`, { cause: error });
      throw error;
    } finally {
      clearTimeout(watchdog);
    }
  }

  #receive(bytes: Uint8Array): void {
    const message = readWatchMessage(bytes);
    if (message.kind === 'frame') this.#apply(message.frame);
    else this.#confirm(message.heartbeat);
    this.#isSnapshotWanted = false;
    this.#attempt = 0;
    if (this.#problem !== undefined) this.#options.logger.info('ruleset stream lives again');
    this.#problem = undefined;
    this.#isConnected = true;
  }

  #apply(frame: RawFrame): void {
    const { holder, staleAfterMs, onApplied } = this.#options;
    const outcome = applyFrame(this.#baseFor(frame), frame);
    switch (outcome.kind) {
      case 'applied':
        holder.put(new Held(outcome.state, 'network', Date.now(), staleAfterMs), namesIn(outcome.delta));
        onApplied(outcome.state);
        return;
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

  #confirm({ revision, stateHash, ageMs }: Heartbeat): void {
    const held = this.#options.holder.current;
    if (!held || held.revision < revision) {
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

const answered: readonly number[] = [Section.GATE, Section.CONFIG, Section.LAYER, Section.PARAM_STORE, Section.CMAB];

/** What callers can ask for by name and may get another answer for. */
function namesIn({ upserts, deletions }: RawFrame): string[] {
  const names = [...upserts, ...deletions].filter(({ section }) => answered.includes(section)).map(({ name }) => name);
  return [...new Set(names)];
}
