import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { WaitingCall } from './admission.js';
import type { Route } from './routes.js';
import type { ServerCounts } from './server-counts.js';

/** A call on the wire. Times are monotonic milliseconds. */
export interface OpenCall {
  readonly id: string;
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly route: Route;
  readonly arrivedMs: number;
  /** When its caller gives up; infinite when never. */
  readonly deadlineMs: number;
  /** When it is closed by force; infinite when never. */
  cutAtMs: number;
  admittedMs: number;
  /** How often it was seen to wait for its caller. */
  looks: number;
  waiting: WaitingCall | undefined;
}

/** The metadata in which a call carries its id to its handler. What callers send by this name is overwritten. */
export const callIdKey = 'sluice-call-id';

/**
 * Looks at a call, 10 ms apart or more, after which it is its caller that we wait for. Looks, and not
 * time: when this thread is late itself, what the caller sent may be here, unread.
 */
const looksMax = 5;
/** After its deadline a call has that long to end by itself, in milliseconds. */
const graceMs = 1_000;

/**
 * Calls under way. gRPC answers a call whose deadline has passed, but a caller that takes no notice
 * keeps the stream open, for ever: by not sending its request, or by not reading the answer.
 */
export class OpenCalls {
  readonly #calls = new Map<string, OpenCall>();
  readonly #counted = new Set<OpenCall>();
  readonly #counts: ServerCounts;
  #last = 0;

  constructor(counts: ServerCounts) {
    this.#counts = counts;
  }

  add(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, route: Route, nowMs: number, timeoutMs: number) {
    const id = String(++this.#last);
    headers[callIdKey] = id;
    const call: OpenCall = {
      id,
      stream,
      headers,
      route,
      arrivedMs: nowMs,
      deadlineMs: nowMs + timeoutMs,
      cutAtMs: nowMs + timeoutMs + graceMs,
      admittedMs: nowMs,
      looks: 0,
      waiting: undefined,
    };
    this.#calls.set(id, call);
    return call;
  }

  remove(call: OpenCall): void {
    this.#calls.delete(call.id);
  }

  find(id: unknown): OpenCall | undefined {
    return typeof id === 'string' ? this.#calls.get(id) : undefined;
  }

  count(call: OpenCall): void {
    this.#counted.add(call);
  }

  /** @returns whether it counted until now. */
  discount(call: OpenCall): boolean {
    return this.#counted.delete(call);
  }

  /**
   * Calls that count as worked on though it is their caller that we wait for: whoever sends half a
   * request, or does not read, must not take places from others.
   */
  *idle(): Generator<OpenCall> {
    for (const call of this.#counted) {
      if (call.stream.readableEnded && !call.stream.headersSent) continue;
      if (++call.looks > looksMax) yield call;
    }
  }

  /** Closes a call by force: an answer that can't be sent would keep it open. */
  cutOff({ stream }: OpenCall): void {
    if (stream.destroyed) return;
    this.#counts.callsCut++;
    stream.close(constants.NGHTTP2_CANCEL);
    stream.destroy();
  }

  /** Closes what should have ended. To be called now and then. */
  cut(nowMs: number): void {
    for (const call of this.#calls.values()) if (call.cutAtMs <= nowMs) this.cutOff(call);
  }
}
