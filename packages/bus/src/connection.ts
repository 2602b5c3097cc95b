import { exhausted, jitter, type Logger, type Release, SluiceError, unavailable } from '@sluice/mesh';
import { connect, Events, type JetStreamClient, type JetStreamManager, type NatsConnection, NatsError } from 'nats';

export interface ConnectionOptions {
  /** One URL, or those of all servers of a cluster with commas between. */
  readonly url: string;
  /** How many servers hold each stream that is made here; 1 unless said. */
  readonly replicas?: number | undefined;
  /** Shown by the server to whoever lists its connections. */
  readonly name: string;
  readonly logger: Logger;
}

/** Calls to JetStream's API give up after this long, in milliseconds. */
const apiTimeoutMs = 5_000;

/**
 * The one connection of a process. It exists from the start, connected or not, and goes on
 * trying for ever: what needs the server now is told that it is unavailable.
 */
export class Connection {
  readonly #logger: Logger;
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #url: string;
  #nats: NatsConnection | undefined;
  /** By domain; empty for the server's own. */
  readonly #jetstreams = new Map<string, JetStreamClient>();
  readonly #managers = new Map<string, JetStreamManager>();
  #isConnected = false;
  #opening: Promise<void>;

  constructor(options: ConnectionOptions) {
    this.#logger = options.logger;
    this.#url = options.url;
    this.#opening = this.#open(options);
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Aborted when the connection is closed for good. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Called now, if connected, and after every reconnection. */
  onConnected(listener: () => void): Release {
    this.#listeners.add(listener);
    if (this.#isConnected) listener();
    return () => void this.#listeners.delete(listener);
  }

  /** @throws SluiceError `unavailable` while there is no connection. */
  nats(): NatsConnection {
    if (!this.#nats || !this.#isConnected) throw unavailable(`NATS at ${this.#url} is not connected.`);
    return this.#nats;
  }

  jetstream(domain = ''): JetStreamClient {
    const nats = this.nats();
    const known = this.#jetstreams.get(domain);
    if (known !== undefined) return known;
    const made = nats.jetstream({ timeout: apiTimeoutMs, ...(domain === '' ? {} : { domain }) });
    this.#jetstreams.set(domain, made);
    return made;
  }

  async manager(domain = ''): Promise<JetStreamManager> {
    const nats = this.nats();
    const known = this.#managers.get(domain);
    if (known !== undefined) return known;
    const options = { timeout: apiTimeoutMs, checkAPI: false, ...(domain === '' ? {} : { domain }) };
    const made = await nats.jetstreamManager(options);
    this.#managers.set(domain, made);
    return made;
  }

  /** Sequence of the last message of a stream, 0 when it is empty. */
  async lengthOf(stream: string): Promise<number> {
    const { state } = await (await this.manager()).streams.info(stream);
    return state.last_seq;
  }

  /** Sends what is buffered, then closes. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening;
    if (!this.#nats) return;
    if (this.#isConnected) await this.#nats.drain().catch(() => this.#nats?.close());
    else await this.#nats.close();
  }

  async #open({ name, url }: ConnectionOptions): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        this.#nats = await connect({
          servers: url.split(','),
          name,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 100,
          reconnectJitter: 200,
          pingInterval: 2_000,
          maxPingOut: 2,
          timeout: 2_000,
        });
        this.#connected();
        void this.#watch(this.#nats);
        return;
      } catch (error) {
        this.#logger.debug({ reason: String(error) }, 'NATS does not answer');
        await pause(jitter(300), this.#closing.signal);
      }
    }
  }

  async #watch(nats: NatsConnection): Promise<void> {
    for await (const { type } of nats.status()) {
      if (type === Events.Reconnect) this.#connected();
      if (type === Events.Disconnect && this.#isConnected) {
        this.#isConnected = false;
        this.#logger.warn('NATS is gone; trying to reconnect');
      }
    }
    this.#isConnected = false;
  }

  #connected(): void {
    this.#isConnected = true;
    this.#logger.info({ url: this.#url }, 'connected to NATS');
    for (const listener of this.#listeners) listener();
  }
}

/** Waits, or returns at once when the signal is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** JetStream's codes for a full disk, a full account and a stream at its limit of messages or bytes. */
const fullCodes = new Set([10_023, 10_028, 10_047, 10_077]);
const fullRetryAfterMs = 1_000;

/** Attempts that fail without being worth a line: a server or stream that is just coming up. */
const quietAttempts = 5;

/** Says once that something keeps failing, and not at every attempt. */
export function report(logger: Logger, attempt: number, detail: object, message: string): void {
  if (attempt === quietAttempts) logger.warn(detail, message);
  else logger.debug(detail, message);
}

/** What NATS says, in the mesh's words. */
export function errorFrom(error: unknown, doing: string): SluiceError {
  if (error instanceof SluiceError) return error;
  if (error instanceof NatsError && fullCodes.has(error.api_error?.err_code ?? 0)) {
    return exhausted(`${doing}: the stream is full; try again later.`, fullRetryAfterMs);
  }
  return unavailable(`${doing}: ${error instanceof Error ? error.message : String(error)}.`, error);
}
