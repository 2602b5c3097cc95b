import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConfigDecision,
  type Context,
  evaluateStickyExperiment,
  evaluateStickyLayer,
  type LayerDecision,
  type Program,
  type StickyAction,
  type StickyOptions,
  type StickyValue,
  type User,
} from '@sluice/engine';
import type { Logger } from '@sluice/mesh';
import type { AskOptions } from './answer.js';
import { messageOf } from './failed-answer.js';
import { stickyPendingMax, stickyTimeoutMs } from './limits.js';
import { Seen } from './seen.js';
import { stickyValueOf } from './sticky-value.js';

/** What is stored of one unit: by experiment or layer, the group that it keeps. */
export type StickyValues = Readonly<Record<string, StickyValue>>;

type Eventually<Value> = Value | Promise<Value>;

/**
 * Where the groups are stored that units keep. It is the caller's, shared by all its processes; it may answer at once
 * or later, and may fail. A key is `<unit id>:<id type>`, such as `ada:userID`; names are those of experiments and layers.
 */
export interface StickyStorage {
  /** All that is stored under a key. */
  load(key: string): Eventually<StickyValues | null | undefined>;
  save(key: string, name: string, value: StickyValue): Eventually<void>;
  delete(key: string, name: string): Eventually<void>;
}

/** What may be said with a question for an experiment or layer, where there is a `stickyStorage`. */
export interface StickyAskOptions extends AskOptions {
  /**
   * What `loadSticky` gave. The unit keeps the group that is in there; where there is none, the group that it gets is
   * saved. Absent: the unit keeps nothing, and what is stored is deleted. Null: not known, the storage is left alone.
   */
  readonly userPersistedValues?: StickyValues | null | undefined;
  /** A unit that targeting would not let in any more loses its group for this answer. */
  readonly enforceTargeting?: boolean | undefined;
  /** A rule that overrides the experiment goes before the group that is kept. */
  readonly enforceOverrides?: boolean | undefined;
}

/** Lets units keep the groups that they were given. Answers never wait for the storage. */
export class Sticky {
  readonly #storage: StickyStorage;
  readonly #logger: Logger;
  readonly #pending = new Set<Promise<void>>();

  constructor(storage: StickyStorage, logger: Logger) {
    this.#storage = storage;
    this.#logger = logger;
  }

  /** What is stored of a user's unit; null when the storage fails, or takes too long. */
  async load(user: User, idType: string): Promise<StickyValues | null> {
    const timeout = new AbortController();
    try {
      const unit = new Seen().unitOf(user, idType);
      if (unit === '') return {};
      const late = delay(stickyTimeoutMs, undefined, { signal: timeout.signal }).then(() => {
        throw new Error(`no answer within ${stickyTimeoutMs} ms`);
      });
      return (await Promise.race([this.#storage.load(`${unit}:${idType}`), late])) ?? {};
    } catch (error) {
      this.#report(error, 'load');
      return null;
    } finally {
      timeout.abort();
    }
  }

  experiment(program: Program, name: string, user: User, context: Context, asked?: StickyAskOptions): ConfigDecision {
    const options = optionsOf(asked, name);
    const { decision, action } = evaluateStickyExperiment(program, name, user, context, options);
    this.#act(action);
    return decision;
  }

  layer(program: Program, name: string, user: User, context: Context, asked?: StickyAskOptions): LayerDecision {
    const { decision, action } = evaluateStickyLayer(program, name, user, context, optionsOf(asked, name));
    this.#act(action);
    return decision;
  }

  /** @returns whether the storage has taken everything within that time. */
  async settle(timeoutMs: number): Promise<boolean> {
    if (this.#pending.size === 0) return true;
    const timeout = new AbortController();
    const late = delay(timeoutMs, false, { signal: timeout.signal }).catch(() => false);
    const isSettled = await Promise.race([Promise.all(this.#pending).then(() => true), late]);
    timeout.abort();
    return isSettled;
  }

  /** What is not done because too much is on its way comes up again with the next question. */
  #act(action: StickyAction): void {
    if (action.kind === 'none') return;
    if (this.#pending.size >= stickyPendingMax) {
      this.#report(new Error(`${stickyPendingMax} calls of the storage have not ended`), action.kind);
      return;
    }
    const done = this.#call(action)
      .catch((error: unknown) => this.#report(error, action.kind))
      .finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }

  async #call(action: Exclude<StickyAction, { kind: 'none' }>): Promise<void> {
    if (action.kind === 'save') await this.#storage.save(action.key, action.name, action.value);
    else await this.#storage.delete(action.key, action.name);
  }

  #report(error: unknown, action: string): void {
    this.#logger.warn({ reason: messageOf(error), action }, 'the storage of sticky groups failed');
  }
}

function optionsOf(asked: StickyAskOptions | undefined, name: string): StickyOptions {
  const { userPersistedValues: values, enforceTargeting, enforceOverrides } = asked ?? {};
  const hasStorage = values !== null;
  if (!values) return { hasStorage };
  const stored = Object.hasOwn(values, name) ? stickyValueOf(values[name]) : undefined;
  return { hasStorage, enforceTargeting, enforceOverrides, userPersistedValues: stored ? { [name]: stored } : {} };
}
