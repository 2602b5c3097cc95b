import { setTimeout as delay } from 'node:timers/promises';
import { backoff, type Client, createClient, type Logger, SluiceError } from '@sluice/mesh';
import { comeBackMaxMs, frameBytesMax, reconnectFirstMs, reconnectLongestMs } from './limits.js';
import type { Settled } from './options.js';
import { RulesetReader, type RulesetReaderOptions } from './ruleset-reader.js';
import { watchDefinition } from './watch-message.js';

export interface RulesetStreamOptions extends RulesetReaderOptions, Pick<Settled, 'connection' | 'set' | 'silenceMs'> {
  readonly logger: Logger;
}

/** Follows one set: resumes where it stands, and connects again whenever the stream ends, is silent, or says what can't be right. */
export class RulesetStream {
  readonly #options: RulesetStreamOptions;
  readonly #client: Client<typeof watchDefinition>;
  readonly #reader: RulesetReader;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #attempt = 0;
  #isConnected = false;
  #problem: string | undefined;

  constructor(options: RulesetStreamOptions) {
    this.#options = options;
    this.#reader = new RulesetReader(options);
    this.#client = createClient(watchDefinition, { ...options.connection, maxReceiveBytes: frameBytesMax });
  }

  /** Whether the stream lives. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Why it does not; undefined while it does. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#client.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const told = await this.#follow().catch((error: unknown) => this.#fail(error));
      this.#isConnected = false;
      const waitMs = told ?? backoff(this.#attempt++, reconnectFirstMs, reconnectLongestMs);
      await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns how long to wait, in milliseconds, where a server that stops or has too much to do said so. */
  #fail(error: unknown): number | undefined {
    if (this.#stopping.signal.aborted) return undefined;
    const toldMs = error instanceof SluiceError ? error.retryAfterMs : undefined;
    const reason = error instanceof Error ? error.message : String(error);
    // Once for each outage, and again when its cause changes.
    if (this.#problem !== reason)
      this.#options.logger.warn({ reason }, 'ruleset stream lost; going on with what is held');
    this.#problem = reason;
    return toldMs === undefined ? undefined : Math.min(toldMs, comeBackMaxMs);
  }

  /** Reads one stream until it ends, goes silent, or says something that can't be right. */
  async #follow(): Promise<never> {
    const { silenceMs, set } = this.#options;
    const silent = new AbortController();
    const watchdog = setTimeout(() => silent.abort(), silenceMs).unref();
    const signal = AbortSignal.any([this.#stopping.signal, silent.signal]);
    const place = this.#reader.place();
    try {
      for await (const bytes of this.#client.watchRuleset({ set, ...place }, { signal })) {
        watchdog.refresh();
        await this.#receive(bytes);
        watchdog.refresh();
      }
      throw new Error('the evaluator ended the stream');
    } catch (error) {
      if (silent.signal.aborted) throw new Error(`the stream was silent for ${silenceMs} ms`, { cause: error });
      throw error;
    } finally {
      clearTimeout(watchdog);
    }
  }

  async #receive(bytes: Uint8Array): Promise<void> {
    await this.#reader.receive(bytes);
    this.#attempt = 0;
    if (this.#problem !== undefined) this.#options.logger.info('ruleset stream lives again');
    this.#problem = undefined;
    this.#isConnected = true;
  }
}
