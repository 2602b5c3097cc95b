import { jitter, type Logger, type Release } from '@sluice/mesh';
import { faultKey } from './faults.js';
import type { IncidentChange } from './incident-book.js';

const timeoutMs = 5_000;
const triesMax = 5;
const firstRetryMs = 500;
/** Messages that wait for one receiver; the oldest go first when it does not answer for long. */
const waitingMax = 1_000;

/** Who tells. */
export interface Observer {
  readonly region: string;
  readonly instance: string;
}

/**
 * Tells other systems, by HTTP POST, of incidents that begin and end; in order, each until it is taken or
 * given up. Every health service tells what it sees itself: one that spoke for all would be silent when
 * it is the one that died. Receivers put the same incident of several observers together by its `key`.
 */
export class Webhooks {
  readonly #observer: Observer;
  readonly #receivers: readonly Receiver[];

  constructor(urls: readonly string[], observer: Observer, logger: Logger) {
    this.#observer = observer;
    this.#receivers = urls.map((url) => new Receiver(url, logger));
  }

  tell(changes: readonly IncidentChange[]): void {
    const bodies = changes.map((change) => bodyOf(change, this.#observer));
    for (const receiver of this.#receivers) for (const body of bodies) receiver.push(body);
  }

  close(): ReturnType<Release> {
    for (const receiver of this.#receivers) receiver.close();
  }
}

function bodyOf({ incident, what: event }: IncidentChange, { region: seenFrom, instance: seenBy }: Observer): string {
  const { id, kind, subject, region, cause, startedAtMs, endedAtMs } = incident;
  const isoOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
  const times = { startedAt: isoOrNull(startedAtMs), endedAt: isoOrNull(endedAtMs) };
  return JSON.stringify({
    event,
    key: faultKey(incident),
    seenFrom,
    seenBy,
    id,
    kind,
    subject,
    region,
    cause,
    ...times,
  });
}

class Receiver {
  readonly #url: string;
  readonly #logger: Logger;
  readonly #waiting: string[] = [];
  readonly #closing = new AbortController();
  #isBusy = false;

  constructor(url: string, logger: Logger) {
    this.#url = url;
    this.#logger = logger;
  }

  push(body: string): void {
    if (this.#waiting.length >= waitingMax) {
      this.#waiting.shift();
      this.#logger.warn({ url: this.#url }, 'a webhook does not keep up; its oldest message is dropped');
    }
    this.#waiting.push(body);
    if (!this.#isBusy) void this.#drain();
  }

  close(): void {
    this.#closing.abort();
  }

  async #drain(): Promise<void> {
    this.#isBusy = true;
    for (let body = this.#waiting.shift(); body !== undefined; body = this.#waiting.shift()) {
      if (this.#closing.signal.aborted) break;
      await this.#deliver(body);
    }
    this.#isBusy = false;
  }

  async #deliver(body: string): Promise<void> {
    let reason = '';
    for (let attempt = 0; attempt < triesMax && !this.#closing.signal.aborted; attempt++) {
      if (attempt > 0) await pause(jitter(firstRetryMs * 2 ** attempt), this.#closing.signal);
      reason = await this.#post(body);
      if (reason === '') return;
    }
    if (!this.#closing.signal.aborted) this.#logger.warn({ url: this.#url, reason }, 'a webhook was not taken');
  }

  /** @returns why it was not taken; empty when it was. */
  async #post(body: string): Promise<string> {
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closing.signal]);
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(this.#url, { method: 'POST', headers, body, signal, redirect: 'error' });
      await response.body?.cancel();
      return response.ok ? '' : `HTTP ${response.status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
