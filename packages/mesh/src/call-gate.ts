import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { Admission, hopelessMs, pushback, type ShedReason } from './admission.js';
import { digestOf } from './auth.js';
import { jitter } from './backoff.js';
import { limitTimeout, setTimeoutOf, timeoutOf } from './call-timeout.js';
import type { Connections } from './connections.js';
import { type OpenCall, OpenCalls } from './open-calls.js';
import { Rates } from './rate.js';
import { Restraint } from './restraint.js';
import { type Route, unknownRoute } from './routes.js';
import type { ServerCounts } from './server-counts.js';
import type { ServerLimits } from './server-limits.js';
import { utilizationMeter } from './utilization.js';

export interface CallGateOptions {
  readonly limits: ServerLimits;
  readonly routes: ReadonlyMap<string, Route>;
  /** Whoever shows it has no rate. */
  readonly meshKey: string;
  readonly connections: Connections;
  readonly counts: ServerCounts;
  /** Where a call goes that is let in. */
  readonly pass: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
}

/** Calls of a greedy key that wait here; their callers can't have others under way meanwhile. */
const heldMax = 4_096;
/** When to come back if there are more, in milliseconds. */
const heldPushbackMs = 1_000;
/** Keys whose rates are remembered. */
const keysMax = 10_000;
/** A call taken back sooner was not meant to be answered. */
const rapidMs = 50;
const sweepEveryMs = 10;
const cutEveryMs = 500;

/** Decides of each call, by its headers alone, whether it is let in now, later or not at all. */
export class CallGate {
  readonly admission: Admission;
  readonly #options: CallGateOptions;
  readonly #calls: OpenCalls;
  readonly #rates: Rates | undefined;
  readonly #restraint: Restraint | undefined;
  readonly #meshDigest: string;
  /** The mesh's own `authorization`, once it was seen. */
  #meshAuthorization: string | undefined;
  /** Of the last hundred calls or so, the share that was turned away. */
  #shedShare = 0;
  readonly #utilization = utilizationMeter();
  readonly #timers: NodeJS.Timeout[];

  constructor(options: CallGateOptions) {
    this.#options = options;
    this.admission = new Admission(options.limits, utilizationMeter());
    this.#calls = new OpenCalls(options.counts);
    const perSecond = options.limits.callsPerSecondPerKeyMax;
    this.#rates = perSecond > 0 ? new Rates(perSecond, 2 * perSecond, keysMax) : undefined;
    this.#restraint = options.limits.inFlightMax > 0 ? new Restraint(heldMax, performance.now()) : undefined;
    this.#meshDigest = digestOf(`Bearer ${options.meshKey}`);
    this.#timers = [
      setInterval(() => this.#sweep(performance.now()), sweepEveryMs).unref(),
      setInterval(() => this.#calls.cut(performance.now()), cutEveryMs).unref(),
    ];
  }

  arrive(session: ServerHttp2Session, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (stream.destroyed || stream.closed) {
      // Taken back before we came to it, with the bytes that brought it.
      this.#options.connections.noteReset(session);
      return;
    }
    // Its connection may fail while it waits here, and nobody else listens.
    stream.on('error', () => undefined);
    const nowMs = performance.now();
    const route = this.#options.routes.get(String(headers[':path'])) ?? unknownRoute;
    const call = this.#calls.add(stream, headers, route, nowMs, this.#timeout(headers, route));
    const key = headers.authorization ?? '';
    const endLasting = route.deadline === 'none' ? this.#options.connections.noteLasting(session) : undefined;
    stream.on('close', () => {
      endLasting?.();
      this.#end(call, session);
    });
    if (route.awaitsRequest) this.#awaitRequest(call);
    const { headerBytesMax } = this.#options.limits;
    const isBloated = headerBytesMax > 0 && bytesOf(headers) > headerBytesMax;
    const waitMs = route.isRated ? this.#take(key, nowMs) : 0;
    if (isBloated) this.#shed(call, 'headers', 0);
    else if (waitMs > 0) this.#shed(call, 'key_rate', waitMs);
    else if (!route.isAdmitted) this.#options.pass(stream, headers);
    else if (this.#restraint === undefined || key === this.#meshAuthorization) this.#enter(call, key);
    else if (this.#restraint.mayPass(key)) this.#enter(call, key);
    else if (this.#restraint.hold(() => this.#goOn(call, key))) this.#options.counts.callsHeld++;
    else this.#shed(call, 'key_rate', heldPushbackMs);
  }

  /** The call of this id waits for something else than us: others may take its place. */
  park(id: unknown): void {
    const call = this.#calls.find(id);
    if (call && this.#calls.discount(call)) this.admission.leave(performance.now());
  }

  /** Closes the call of this id, whose caller takes nothing any more. */
  cutOff(id: unknown): void {
    const call = this.#calls.find(id);
    if (call) this.#calls.cutOff(call);
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#restraint?.close();
  }

  #sweep(nowMs: number): void {
    for (const call of this.#calls.idle()) {
      this.#calls.discount(call);
      this.admission.leave(nowMs);
    }
    this.#restraint?.sweep(nowMs, this.#utilization());
    if (this.admission.waiting > 0) this.admission.sweep(nowMs);
  }

  #timeout(headers: IncomingHttpHeaders, { deadline }: Route): number {
    const { callTimeoutMs, callTimeoutMaxMs } = this.#options.limits;
    if (deadline === 'none' || callTimeoutMs === 0) return timeoutOf(headers) ?? Number.POSITIVE_INFINITY;
    const longestMs = Math.max(callTimeoutMs, callTimeoutMaxMs);
    return limitTimeout(headers, deadline === 'usual' ? callTimeoutMs : longestMs, longestMs);
  }

  #awaitRequest(call: OpenCall): void {
    const { callTimeoutMs } = this.#options.limits;
    if (callTimeoutMs === 0) return;
    const { cutAtMs } = call;
    call.cutAtMs = Math.min(cutAtMs, call.arrivedMs + callTimeoutMs);
    call.stream.once('end', () => {
      call.cutAtMs = cutAtMs;
    });
  }

  #take(key: string, nowMs: number): number {
    if (this.#rates === undefined || key === this.#meshAuthorization) return 0;
    // Looked at once for each key, because digests cost as much as the rest of this.
    if (!this.#rates.has(key) && digestOf(key) === this.#meshDigest) {
      this.#meshAuthorization = key;
      return 0;
    }
    return this.#rates.take(key, nowMs);
  }

  #enter(call: OpenCall, key: string): void {
    if (this.admission.tryEnter()) this.#admit(call);
    else this.#wait(call, key);
  }

  /** A call that was held back. @returns false when it is over by now. */
  #goOn(call: OpenCall, key: string): boolean {
    const { stream, deadlineMs } = call;
    if (stream.destroyed || stream.closed) return false;
    if (performance.now() > deadlineMs - hopelessMs) {
      this.#shed(call, 'deadline', 0);
      return false;
    }
    this.#begin(call);
    this.#enter(call, key);
    return true;
  }

  /** A call that has waited counts from now on; gRPC counts its deadline from when it gets the call. */
  #begin(call: OpenCall): void {
    call.admittedMs = performance.now();
    if (Number.isFinite(call.deadlineMs)) setTimeoutOf(call.headers, call.deadlineMs - call.admittedMs);
  }

  #admit(call: OpenCall): void {
    this.#calls.count(call);
    this.#shedShare *= 0.99;
    this.#options.pass(call.stream, call.headers);
  }

  #wait(call: OpenCall, key: string): void {
    const { arrivedMs, deadlineMs } = call;
    call.waiting = {
      key,
      deadlineMs,
      sinceMs: arrivedMs,
      untilMs: this.admission.patienceUntil(arrivedMs, deadlineMs, call.route.isRepeatable),
      isGone: false,
      admit: () => {
        call.waiting = undefined;
        this.#begin(call);
        this.#admit(call);
      },
      shed: (reason) => {
        call.waiting = undefined;
        this.#shed(call, reason, pushback(this.#shedShare));
      },
    };
    this.admission.wait(call.waiting);
  }

  #end(call: OpenCall, session: ServerHttp2Session): void {
    const nowMs = performance.now();
    this.#calls.remove(call);
    if (call.waiting) call.waiting.isGone = true;
    const isTakenBack = call.stream.aborted || call.stream.rstCode === constants.NGHTTP2_CANCEL;
    const isRapid = isTakenBack && nowMs - call.arrivedMs < rapidMs;
    if (isRapid) this.#options.connections.noteReset(session);
    if (!this.#calls.discount(call)) return;
    const { path: method } = call.route;
    const took = { method, latencyMs: nowMs - call.admittedMs, isAnswered: !isTakenBack };
    this.admission.leave(nowMs, isRapid ? undefined : took);
  }

  #shed(call: OpenCall, reason: ShedReason, pushbackMs: number): void {
    const { counts, connections } = this.#options;
    const { stream } = call;
    counts.callsShed[reason]++;
    this.#shedShare = this.#shedShare * 0.99 + 0.01;
    const answer = (): void => refuse(stream, reason, pushbackMs);
    const holdMs =
      reason === 'key_rate' && stream.session ? connections.noteShed(stream.session as ServerHttp2Session) : 0;
    if (holdMs > 0) setTimeout(answer, holdMs).unref();
    else answer();
  }
}

/** As HTTP/2 counts them: 32 bytes on top for each. */
function bytesOf(headers: IncomingHttpHeaders): number {
  let bytes = 0;
  for (const name in headers) bytes += name.length + String(headers[name]).length + 32;
  return bytes;
}

const messages: Readonly<Record<ShedReason, string>> = {
  queue_full: 'This instance has more calls than it can answer; try again later.',
  waited_too_long: 'This instance has more calls than it can answer; try again later.',
  deadline: 'The deadline passed while the call waited for its turn.',
  key_rate: 'This key makes more calls per second than it may; slow down.',
  headers: 'The metadata of this call is larger than this instance takes; send less.',
};

const codes: Readonly<Record<ShedReason, status>> = {
  queue_full: status.UNAVAILABLE,
  waited_too_long: status.UNAVAILABLE,
  deadline: status.DEADLINE_EXCEEDED,
  key_rate: status.RESOURCE_EXHAUSTED,
  headers: status.RESOURCE_EXHAUSTED,
};

/** Answers in one frame, without gRPC. */
function refuse(stream: ServerHttp2Stream, reason: ShedReason, pushbackMs: number): void {
  if (stream.destroyed || stream.closed) return;
  const headers = {
    ':status': 200,
    'content-type': 'application/grpc+proto',
    'grpc-status': codes[reason],
    'grpc-message': encodeURI(messages[reason]),
    // Negative: coming back does not help.
    'grpc-retry-pushback-ms': pushbackMs > 0 ? Math.ceil(jitter(pushbackMs)) : -1,
  };
  stream.respond(headers, { endStream: true });
  // The request is of no interest any more; unread it would keep the stream open.
  stream.resume();
}
