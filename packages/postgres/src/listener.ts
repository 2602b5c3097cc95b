import { backoff, type Logger, type Release } from '@sluice/mesh';
import type pg from 'pg';

type OnNotify = (payload: string) => void;

const firstRetryMs = 50;
const maxRetryMs = 1_000;
/** A connection that died without a word is noticed by this. */
const probeEveryMs = 5_000;

/** One connection for all channels, made on first use, made again whenever it breaks. */
export class Listener {
  readonly #connect: () => pg.Client;
  readonly #logger: Logger;
  readonly #channels = new Map<string, Set<OnNotify>>();
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #isStarted = false;
  #isClosed = false;

  constructor(connect: () => pg.Client, logger: Logger) {
    this.#connect = connect;
    this.#logger = logger;
  }

  add(channel: string, onNotify: OnNotify): Release {
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners.add(onNotify));
    if (!this.#isStarted) {
      this.#isStarted = true;
      void this.#open();
    } else if (this.#client) {
      void this.#subscribe(this.#client, channel, onNotify);
    }
    return () => {
      listeners.delete(onNotify);
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #open(): Promise<void> {
    const client = this.#connect();
    client.on('error', () => this.#lose(client));
    client.on('end', () => this.#lose(client));
    client.on('notification', ({ channel, payload }) => this.#tell(channel, payload ?? ''));
    try {
      await client.connect();
      if (this.#isClosed) return void (await client.end());
      for (const channel of this.#channels.keys()) await client.query(`listen ${client.escapeIdentifier(channel)}`);
    } catch {
      void client.end().catch(() => undefined);
      this.#retry();
      return;
    }
    if (this.#isClosed) return void (await client.end().catch(() => undefined));
    this.#client = client;
    this.#attempt = 0;
    for (const channel of this.#channels.keys()) {
      // A channel that came up while we were connecting is not listened to yet.
      void this.#subscribe(client, channel);
      this.#tell(channel, '');
    }
    this.#probeLater(client);
  }

  async #subscribe(client: pg.Client, channel: string, onNotify?: OnNotify): Promise<void> {
    try {
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      onNotify?.('');
    } catch {
      this.#lose(client);
    }
  }

  #probeLater(client: pg.Client): void {
    this.#timer = setTimeout(async () => {
      try {
        await client.query('select 1');
        if (this.#client === client) this.#probeLater(client);
      } catch {
        this.#lose(client);
      }
    }, probeEveryMs);
  }

  #lose(client: pg.Client): void {
    if (this.#client !== client || this.#isClosed) return;
    this.#client = undefined;
    clearTimeout(this.#timer);
    this.#logger.warn('notifications of the database are interrupted; connecting again');
    void client.end().catch(() => undefined);
    this.#retry();
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#open(), backoff(this.#attempt, firstRetryMs, maxRetryMs));
    this.#attempt += 1;
  }

  #tell(channel: string, payload: string): void {
    for (const onNotify of this.#channels.get(channel) ?? []) onNotify(payload);
  }
}
