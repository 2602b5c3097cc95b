import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sluice/mesh';

export interface PollOptions {
  readonly ask: (signal: AbortSignal) => Promise<void>;
  /** Rest until the next question, in milliseconds. */
  readonly restMs: () => number;
  readonly logger: Logger;
}

/** However much one hurries, there is this much between two questions. */
const shortestRestMs = 100;

/** Asks again and again, sooner on request, and says only when answers stop or start to come. */
export class Poll {
  readonly #options: PollOptions;
  readonly #stopping = new AbortController();
  #hurry = new AbortController();
  #loop: Promise<void> | undefined;
  #isAnswered = true;

  constructor(options: PollOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  hurry(): void {
    this.#hurry.abort();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#hurry = new AbortController();
      await this.#ask(signal);
      await rest(shortestRestMs, signal);
      await rest(this.#options.restMs(), AbortSignal.any([signal, this.#hurry.signal]));
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      await this.#options.ask(signal);
      if (!this.#isAnswered) this.#options.logger.info('config answers again');
      this.#isAnswered = true;
    } catch (error) {
      if (signal.aborted || !this.#isAnswered) return;
      this.#isAnswered = false;
      this.#options.logger.warn(
        { reason: (error as Error).message },
        'config does not answer; going on with what is held',
      );
    }
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
