import { type CallOptions, type ServiceError, status } from '@grpc/grpc-js';
import { jitter } from './backoff.js';
import { type ClientCounts, clientCountsOf } from './client-counts.js';
import { SluiceError } from './errors.js';
import { errorOf } from './status.js';
import { Throttle } from './throttle.js';
import { type Bounds, deadlineIn, isAborted, leftMsOf, onAbort } from './within.js';

export interface SendOptions extends Bounds {
  readonly timeoutMs: number;
}

type Done = (error: ServiceError | null, response: unknown) => void;

/** Around how long somebody should wait whose call was not sent, in milliseconds. */
const comeBackMs = 100;

/** Sends the calls of one client that have one answer: with a deadline, and not when it had better not. */
export class Sender {
  readonly #throttle = new Throttle();
  readonly #counts: ClientCounts;

  /** `service`: its full name. */
  constructor(service: string) {
    this.#counts = clientCountsOf(service);
  }

  /** `start` begins the call. @throws SluiceError, also of the server. */
  send(bounds: SendOptions, start: (options: CallOptions, done: Done) => { cancel(): void }): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (isAborted(bounds)) return reject(cancelled());
      const leftMs = leftMsOf(bounds);
      if (leftMs <= 0) return reject(new SluiceError('deadline', 'The deadline passed before the call was sent.'));
      if (this.#throttle.refuses(performance.now())) return reject(this.#refusal());
      const call = start(deadlineIn(leftMs), (error, response) => {
        release();
        this.#note(error);
        if (error) reject(errorOf(error));
        else resolve(response);
      });
      const release = onAbort(bounds, () => call.cancel());
    });
  }

  /** Only a server that says when to come back has turned a call away; one that can't be reached has done no work for it. */
  #note(error: ServiceError | null): void {
    if (error?.code === status.CANCELLED) return;
    const isShed = error !== null && error.metadata?.get('grpc-retry-pushback-ms').length > 0;
    if (isShed) this.#counts.shed++;
    const isLate = error?.code === status.DEADLINE_EXCEEDED;
    this.#throttle.note(isShed ? 'shed' : isLate ? 'late' : 'accepted', performance.now());
  }

  #refusal(): SluiceError {
    this.#counts.throttled++;
    const message = 'The call was not sent: the service has turned most calls away lately; try again later.';
    return new SluiceError('unavailable', message, { retryAfterMs: jitter(comeBackMs) });
  }
}

function cancelled(): SluiceError {
  return new SluiceError('cancelled', 'The call was cancelled before it was sent.');
}
