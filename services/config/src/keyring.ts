import type { Logger, Release } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import { listKeys, type StoredKey } from './key-store.js';
import { keysChannel } from './outbox.js';

/** All keys in memory, so that authentication asks no database. */
export class Keyring {
  readonly #db: Database;
  readonly #logger: Logger;
  #keys: ReadonlyMap<string, StoredKey> = new Map();

  constructor(db: Database, logger: Logger) {
    this.#db = db;
    this.#logger = logger;
  }

  async start(): Promise<Release> {
    await this.refresh();
    return this.#db.listen(keysChannel, () => {
      this.refresh().catch((error: unknown) => this.#logger.warn({ reason: String(error) }, 'keys can not be read'));
    });
  }

  async refresh(): Promise<void> {
    const keys = await listKeys(this.#db);
    this.#keys = new Map(keys.map((key) => [key.digest, key]));
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
