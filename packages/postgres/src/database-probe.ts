import type { Database } from './statement.js';

/** A database that takes longer is as good as away, in milliseconds. */
const answersWithinMs = 1_000;

/** Whether the database answers, by one question at a time. */
export class DatabaseProbe {
  readonly #database: Pick<Database, 'isReady'>;
  #asked: Promise<boolean> | undefined;
  #askedAtMs = 0;
  #answered = true;

  constructor(database: Pick<Database, 'isReady'>) {
    this.#database = database;
  }

  /** Asks, or waits for the answer of a question that is under way: whoever hangs is not asked twice. */
  ask(): Promise<boolean> {
    this.#asked ??= this.#ask();
    return this.#asked;
  }

  async #ask(): Promise<boolean> {
    this.#askedAtMs = performance.now();
    this.#answered = await this.#database.isReady();
    this.#asked = undefined;
    return this.#answered;
  }

  /** What has to be done without, for `ServerOptions.describe`: postgres when it did not answer in time when last asked. */
  missing(): Record<string, string> {
    const isLate = this.#asked !== undefined && performance.now() - this.#askedAtMs > answersWithinMs;
    return this.#answered && !isLate ? {} : { postgres: 'does not answer' };
  }
}
