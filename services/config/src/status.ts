import type { Release } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import type { HeldSet } from '@sluice/proto';
import { coalesce } from './coalesce.js';
import { countPending, outboxChannel } from './outbox.js';
import { listSets } from './store.js';

const lookEveryMs = 1_000;
/** Changes of one moment are looked at together. */
const gatherMs = 50;

/** What this instance says of itself, kept at hand: asking must not wait for the database. */
export class Status {
  readonly #db: Database;
  #sets: readonly HeldSet[] = [];
  #pending = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The newest revision of every set. */
  get sets(): readonly HeldSet[] {
    return this.#sets;
  }

  /** Frames that wait to be published. */
  get pending(): number {
    return this.#pending;
  }

  async start(): Promise<Release> {
    let soon: NodeJS.Timeout | undefined;
    const look = (): void => {
      soon = undefined;
      this.#look().catch(() => undefined);
    };
    const timer = setInterval(look, lookEveryMs);
    const unlisten = await this.#db.listen(outboxChannel, () => {
      soon ??= setTimeout(look, gatherMs);
    });
    await this.#look();
    return async () => {
      clearInterval(timer);
      await unlisten();
      clearTimeout(soon);
    };
  }

  readonly #look = coalesce(async () => {
    this.#pending = await countPending(this.#db);
    this.#sets = (await listSets(this.#db)).map((state) => ({ ...state, ageMs: 0 }));
  });
}
