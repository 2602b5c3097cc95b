import { backoff, type Logger, type Release } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import { coalesce } from './coalesce.js';
import { listKeys, type StoredKey } from './key-store.js';
import { keysChannel } from './outbox.js';

const firstRetryMs = 50;
const longestRetryMs = 2_000;

/** All keys in memory, so that authentication asks no database. */
export class Keyring {
  readonly #db: Database;
  readonly #logger: Logger;
  #keys: ReadonlyMap<string, StoredKey> = new Map();
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(db: Database, logger: Logger) {
    this.#db = db;
    this.#logger = logger;
  }

  async start(): Promise<Release> {
    await this.refresh();
    const unlisten = await this.#db.listen(keysChannel, () => this.#follow());
    return () => {
      this.#isClosed = true;
      clearTimeout(this.#retry);
      return unlisten();
    };
  }

  /** Reads the keys; in the end they are those of the last look that was begun. */
  readonly refresh = coalesce(async () => {
    const keys = await listKeys(this.#db);
    this.#keys = new Map(keys.map((key) => [key.digest, key]));
  });

  /** A revoked key lets its holder in until it is read as such, so a look that failed is repeated until one succeeds. */
  #follow(): void {
    clearTimeout(this.#retry);
    this.refresh().then(
      () => {
        this.#failures = 0;
      },
      (error: unknown) => {
        if (this.#isClosed) return;
        if (this.#failures === 0) this.#logger.warn({ reason: String(error) }, 'keys can not be read');
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.#follow(), backoff(this.#failures++, firstRetryMs, longestRetryMs));
      },
    );
  }

  /** A key that lets its holder in; a revoked one does not. */
  find(digest: string): StoredKey | undefined {
    const key = this.#keys.get(digest);
    return key?.archivedAtMs === undefined ? key : undefined;
  }

  /** All keys, also revoked ones, in the order in which they were made. */
  all(): readonly StoredKey[] {
    return [...this.#keys.values()];
  }
}
