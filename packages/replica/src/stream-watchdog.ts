import type { Logger, Release } from '@sluice/mesh';

export interface WatchdogOptions {
  /** Without a sign of life for this long the stream is silent, in milliseconds. */
  readonly silentAfterMs: number;
  readonly logger: Logger;
  /** The stream has just gone silent. */
  readonly onSilence: () => void;
  /** Milliseconds from any fixed point. */
  readonly now?: () => number;
}

/**
 * Tells a stream that has nothing to say from one that is dead: whoever sends says something at
 * least once a second, so that silence means that nothing gets through, whatever the connection claims.
 */
export class StreamWatchdog {
  readonly #options: WatchdogOptions;
  readonly #now: () => number;
  #heardAt: number;
  #isSilent = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#heardAt = this.#now();
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** A sign of life came. */
  hear(): void {
    this.#heardAt = this.#now();
    if (this.#isSilent) this.#options.logger.info('the stream of changes is heard again');
    this.#isSilent = false;
  }

  /** Looks whether the stream still lives. */
  look(): void {
    const silentMs = this.#now() - this.#heardAt;
    if (this.#isSilent || silentMs < this.#options.silentAfterMs) return;
    this.#isSilent = true;
    const { logger, onSilence } = this.#options;
    logger.warn({ silentMs: Math.round(silentMs) }, 'the stream of changes is silent; asking config instead');
    onSilence();
  }

  start(): Release {
    const timer = setInterval(() => this.look(), this.#options.silentAfterMs / 5);
    return () => clearInterval(timer);
  }
}
