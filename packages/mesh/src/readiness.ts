import type { Logger } from 'pino';
import type { HealthState } from './health-service.js';

/** Whether a call would succeed now. */
export type IsReady = () => boolean | Promise<boolean>;

export interface ReadinessOptions {
  readonly isReady?: IsReady | undefined;
  readonly logger: Logger;
}

const askEveryMs = 500;
/** Longer than any question that knows its own limit; with the pause before it, well below two seconds. */
const answersWithinMs = 1_250;

/** Keeps the health state true: asks again and again, and takes no answer in time for a no. */
export class Readiness {
  readonly #health: HealthState;
  readonly #options: ReadinessOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  /** The question that has no answer yet: one at a time, however long it hangs. */
  #asked: Promise<boolean> | undefined;

  constructor(health: HealthState, options: ReadinessOptions) {
    this.#health = health;
    this.#options = options;
  }

  /** Resolves after the first answer. */
  async start(): Promise<void> {
    const isReady = await within(this.#ask(), answersWithinMs);
    if (this.#isStopped) return;
    if (isReady !== this.#health.isServing)
      this.#options.logger.info({ serving: isReady }, isReady ? 'serving' : 'not serving');
    this.#health.set(isReady);
    this.#timer = setTimeout(() => void this.start(), askEveryMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #ask(): Promise<boolean> {
    this.#asked ??= answerOf(this.#options.isReady).finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }
}

async function answerOf(isReady: IsReady = () => true): Promise<boolean> {
  try {
    return await isReady();
  } catch {
    return false;
  }
}

/** @returns false when there is no answer in time, not counting one that waits to be read by a thread that was busy. */
async function within(answer: Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => setImmediate(resolve, false), timeoutMs);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
