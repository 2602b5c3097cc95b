import type { Program } from '@sluice/engine';
import { exhausted, notFound, SluiceError, unavailable, unhurried, type Within } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';
import { type Authority, applyFrameSliced, emptyState, readFrame, setKey } from '@sluice/replica';
import { replaysKept, replaysWaitingMax } from './limits.js';

/**
 * Rulesets as they were, for replays of revisions that are no longer held: fetched from config,
 * proven by their state hash, compiled, and the last few kept.
 */
export class Replays {
  readonly #authority: Pick<Authority, 'fetchSnapshot'>;
  /** In the order of their last use. Also holds what is on its way, so that it is fetched once. */
  readonly #programs = new Map<string, Promise<Program>>();
  readonly #closing = new AbortController();
  /** Loads on their way, and the end of the last: one at a time, since compiling takes its share of the processor. */
  #loads = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Snapshots that are fetched for callers as they are. */
  #fetches = 0;

  constructor(authority: Pick<Authority, 'fetchSnapshot'>) {
    this.#authority = authority;
  }

  /**
   * @throws SluiceError `not_found` for a revision that never was, `unavailable` when config can't
   * be asked, `deadline` when it takes longer than `timeoutMs`, `exhausted` when too many wait.
   */
  programAt(set: SetRef, revision: number, timeoutMs: number, signal: AbortSignal): Promise<Program> {
    const key = `${setKey(set)}@${revision}`;
    const known = this.#programs.get(key);
    if (!known && this.#loads >= replaysWaitingMax) {
      return Promise.reject(tooMany());
    }
    const program = known ?? this.#load(key, set, revision);
    this.#programs.delete(key);
    this.#programs.set(key, program);
    for (const oldest of this.#programs.keys()) {
      if (this.#programs.size <= replaysKept) break;
      this.#programs.delete(oldest);
    }
    return within(program, `revision ${revision} of ${setKey(set)}`, timeoutMs, signal);
  }

  /**
   * The bytes of a snapshot frame, unproven. `field` is the caller's word for the revision.
   * @throws SluiceError as `programAt` does.
   */
  async fetch(set: SetRef, revision: number, field: string, within: Within): Promise<Uint8Array> {
    if (this.#fetches >= replaysWaitingMax) throw tooMany();
    this.#fetches++;
    try {
      return await this.#ask(set, revision, field, within);
    } finally {
      this.#fetches--;
    }
  }

  close(): void {
    this.#closing.abort();
    this.#programs.clear();
  }

  #load(key: string, set: SetRef, revision: number): Promise<Program> {
    this.#loads++;
    const program = this.#last.then(() => this.#compile(set, revision));
    this.#last = program.catch(() => this.#programs.delete(key)).finally(() => this.#loads--);
    return program;
  }

  async #ask(set: SetRef, revision: number, field: string, within: Within): Promise<Uint8Array> {
    try {
      return await this.#authority.fetchSnapshot(set, within, revision);
    } catch (error) {
      throw explain(error, set, revision, field);
    }
  }

  async #compile(set: SetRef, revision: number): Promise<Program> {
    const bytes = await this.#ask(set, revision, 'at_revision', unhurried(this.#closing.signal));
    const outcome = await applyFrameSliced(emptyState(set), readFrame(bytes));
    if (outcome.kind !== 'applied' || outcome.state.revision !== revision) {
      throw unavailable(`Config's answer for revision ${revision} of ${setKey(set)} can't be used; ask again.`);
    }
    return outcome.state.program;
  }
}

const tooMany = (): SluiceError => exhausted('Too many past revisions are being fetched here.', 1_000);

function explain(error: unknown, set: SetRef, revision: number, field: string): unknown {
  if (!(error instanceof SluiceError)) return error;
  // The caller's own time, or patience, is up: that says nothing of config.
  if (error.kind === 'deadline' || error.kind === 'cancelled') return error;
  if (error.kind === 'not_found') return notFound(field, error.problems[0]?.message ?? error.message);
  return unavailable(
    `Revision ${revision} of ${setKey(set)} is not held here, and config can't be asked for it; ask again later.`,
    error,
  );
}

/** Stops waiting, not working: the next caller may have more time. */
function within<T>(work: Promise<T>, what: string, timeoutMs: number, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      reject(new SluiceError('deadline', `Fetching ${what} takes longer than the caller waits; ask again.`));
    };
    const timer = setTimeout(giveUp, Math.min(Math.max(timeoutMs, 0), 2 ** 31 - 1));
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    });
  });
}
