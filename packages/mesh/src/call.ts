import type { Metadata, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Principal } from './auth.js';
import { callIdKey } from './open-calls.js';

type GrpcCall = Pick<ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>, 'metadata'> & {
  cancelled: boolean;
  once(event: 'cancelled', listener: () => void): unknown;
};

/** One for all: the usual reason is made with a stack each time, and a thousand callers may leave at once. */
const hungUp = new DOMException('The caller is gone.', 'AbortError');

/** What came with a call besides its request. */
export interface CallContext {
  readonly baggage?: string | undefined;
  /** Aborted when the server begins to stop. */
  readonly draining?: AbortSignal | undefined;
  /** Gives the place of the call of this id to others. */
  readonly park?: ((callId: unknown) => void) | undefined;
}

/** What a handler knows of the call it answers. */
export class Call {
  readonly principal: Principal;
  readonly logger: Logger;
  readonly metadata: Metadata;
  /** When the caller stops waiting, Unix milliseconds; infinite for streams without a deadline. */
  readonly deadlineMs: number;
  /** The call's own sampled span, for work that outlives it. */
  readonly traceparent: string | undefined;
  /** W3C baggage that came with the call. */
  readonly baggage: string | undefined;
  readonly #call: GrpcCall;
  readonly #draining: AbortSignal | undefined;
  readonly #park: ((callId: unknown) => void) | undefined;
  #signal: AbortSignal | undefined;

  constructor(
    call: GrpcCall,
    principal: Principal,
    logger: Logger,
    deadlineMs: number,
    traceparent: string | undefined,
    context: CallContext = {},
  ) {
    this.#call = call;
    this.principal = principal;
    this.logger = logger;
    this.metadata = call.metadata;
    this.deadlineMs = deadlineMs;
    this.traceparent = traceparent;
    this.baggage = context.baggage;
    this.#draining = context.draining;
    this.#park = context.park;
  }

  remainingMs(): number {
    return this.deadlineMs - Date.now();
  }

  /**
   * To be called ahead of a wait for something that has nothing to do with load, such as the next
   * change: the call no longer counts as worked on, and others may take its place.
   */
  park(): void {
    this.#park?.(this.metadata.get(callIdKey)[0]);
  }

  /** Aborted when the caller is gone, or, for streams, when the server stops. Made on first use: most calls never need it. */
  get signal(): AbortSignal {
    if (!this.#signal) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      if (this.#call.cancelled) controller.abort(hungUp);
      else this.#call.once('cancelled', () => controller.abort(hungUp));
      if (this.#draining) this.#signal = AbortSignal.any([this.#signal, this.#draining]);
    }
    return this.#signal;
  }
}
