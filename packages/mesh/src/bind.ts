import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Authenticate, Principal } from './auth.js';
import { jitter } from './backoff.js';
import { withBaggage } from './baggage.js';
import { Call, type CallContext } from './call.js';
import { type Answer, converse } from './conversation.js';
import { SluiceError } from './errors.js';
import type { CallTimes } from './instance-metrics.js';
import { watchKey } from './key-watch.js';
import { callIdKey } from './open-calls.js';
import { statusOf } from './status.js';
import { currentTraceparent, isSampled, withSpan } from './tracing.js';

/** A method as ts-proto describes it. */
interface Method {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
}

type RequestOf<M extends Method> = ReturnType<M['requestDeserialize']>;
type ResponseOf<M extends Method> = Parameters<M['responseSerialize']>[0];

/**
 * Methods that stream in both directions get a function for each conversation, which answers one
 * message at a time, now or later. Uploads get all messages, one by one, as fast as they are taken.
 */
type HandlerOf<M extends Method> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? (call: Call) => Answer<RequestOf<M>, ResponseOf<M>>
    : (requests: AsyncIterable<RequestOf<M>>, call: Call) => Promise<ResponseOf<M>>
  : M['responseStream'] extends true
    ? (request: RequestOf<M>, call: Call) => AsyncIterable<ResponseOf<M>>
    : (request: RequestOf<M>, call: Call) => ResponseOf<M> | Promise<ResponseOf<M>>;

/** One function for each method of a service. */
export type HandlersOf<D> = {
  readonly [Name in keyof D]: D[Name] extends Method ? HandlerOf<D[Name]> : never;
};

/** What the server builder gives to every handler. */
export interface Chassis {
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  /** Deadline for unary calls that come without one, in milliseconds. */
  readonly defaultTimeoutMs: number;
  /** Aborted when the server begins to stop: streams end, and say when to come back. */
  readonly draining: AbortSignal;
  readonly times: CallTimes;
  /** The call of this id waits for something else than load: see `Call.park`. */
  readonly park: (callId: unknown) => void;
  /** Closes the call of this id by force. */
  readonly cutOff: (callId: unknown) => void;
  /** How long a stream may go unread, in milliseconds; 0: for ever. */
  readonly streamStallMs: number;
}

/** A service with its handlers, ready to be added to a server. */
export interface ServiceBinding {
  readonly definition: ServiceDefinition;
  readonly implement: (chassis: Chassis) => UntypedServiceImplementation;
}

/**
 * Ties handlers to a service definition. Every call is authenticated, traced when sampled,
 * logged when it fails for reasons of ours, and has its errors mapped in one place.
 */
export function bind<D extends object>(definition: D, handlers: HandlersOf<D>): ServiceBinding {
  return {
    definition: definition as unknown as ServiceDefinition,
    implement: (chassis) => {
      const methods = Object.entries(definition as Record<string, Method>);
      return Object.fromEntries(
        methods.map(([name, method]) => {
          const handler = (handlers as Record<string, unknown>)[name];
          return [name, implementation(chassis, method, handler)];
        }),
      );
    },
  };
}

function implementation(chassis: Chassis, method: Method, handler: unknown) {
  if (method.requestStream && !method.responseStream) return uploading(chassis, method, handler as UploadHandler);
  if (method.requestStream) return conversing(chassis, method, handler as ConversationHandler);
  if (method.responseStream) return streaming(chassis, method, handler as StreamHandler);
  return unary(chassis, method, handler as UnaryHandler);
}

type UnaryHandler = (request: unknown, call: Call) => unknown;
type StreamHandler = (request: unknown, call: Call) => AsyncIterable<unknown>;
type UploadHandler = (requests: AsyncIterable<unknown>, call: Call) => Promise<unknown>;
type ConversationHandler = (call: Call) => Answer<unknown, unknown>;
type Writing = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;
type GrpcCall = ServerUnaryCall<unknown, unknown> | ServerReadableStream<unknown, unknown> | Writing;

/**
 * Left between our deadline and the caller's, so that the answer about a time-out gets there,
 * in milliseconds.
 */
const shaveMs = 20;

/** The longest that a timer waits, in milliseconds. */
const timerMaxMs = 2 ** 31 - 1;

function unary(chassis: Chassis, method: Method, handler: UnaryHandler): handleUnaryCall<unknown, unknown> {
  return (grpcCall, callback) => {
    const started = performance.now();
    const baggage = baggageOf(grpcCall.metadata);
    const answer = withBaggage(baggage, () =>
      traced(method, grpcCall.metadata, async () => {
        const call = await open(chassis, grpcCall, Date.now() + chassis.defaultTimeoutMs, { baggage });
        if (call.remainingMs() <= 0)
          throw new SluiceError('deadline', 'The deadline passed before the call was handled.');
        return handler(grpcCall.request, call);
      }),
    );
    answer.then(
      (response) => {
        chassis.times.record(method.path, status.OK, performance.now() - started);
        callback(null, response);
      },
      (error: unknown) => {
        report(chassis, method, error, performance.now() - started);
        callback(statusOf(error));
      },
    );
  };
}

/** What the handler does not read stays on the wire; what it throws ends the upload. */
function uploading(
  chassis: Chassis,
  method: Method,
  handler: UploadHandler,
): handleClientStreamingCall<unknown, unknown> {
  return (grpcCall, callback) => {
    const started = performance.now();
    const baggage = baggageOf(grpcCall.metadata);
    const answer = withBaggage(baggage, () =>
      traced(method, grpcCall.metadata, async () => {
        // The gate gave it a deadline if its caller did not, unless that limit is switched off.
        const call = await open(chassis, grpcCall, Number.POSITIVE_INFINITY, { baggage });
        const late = new SluiceError('deadline', 'The upload took too long.');
        const timer = setTimeout(() => grpcCall.destroy(late), Math.min(call.remainingMs(), timerMaxMs));
        return handler(grpcCall, call).finally(() => clearTimeout(timer));
      }),
    );
    answer.then(
      (response) => {
        chassis.times.record(method.path, status.OK, performance.now() - started);
        callback(null, response);
      },
      (error: unknown) => {
        // A caller that hung up is no fault of ours, and nobody is left to tell.
        if (!grpcCall.cancelled) report(chassis, method, error, performance.now() - started);
        callback(statusOf(error));
      },
    );
  };
}

function streaming(
  chassis: Chassis,
  method: Method,
  handler: StreamHandler,
): handleServerStreamingCall<unknown, unknown> {
  return (grpcCall) => {
    const started = performance.now();
    const done = traced(method, grpcCall.metadata, async () => {
      const key = watchKey(chassis.authenticate, textOf(grpcCall.metadata, 'authorization'));
      const draining = AbortSignal.any([chassis.draining, key.revoked]);
      try {
        const call = await open(chassis, grpcCall, Number.POSITIVE_INFINITY, { draining });
        for await (const message of handler(grpcCall.request, call)) {
          if (call.signal.aborted) break;
          if (!grpcCall.write(message)) await unstalled(chassis, grpcCall, drained(grpcCall, call.signal));
        }
      } finally {
        key.stop();
      }
      key.revoked.throwIfAborted();
      if (chassis.draining.aborted) throw comeBack();
    });
    endWith(chassis, method, grpcCall, done, started);
  };
}

/** Authenticated once; a trace, too, spans the whole conversation. */
function conversing(
  chassis: Chassis,
  method: Method,
  handler: ConversationHandler,
): handleBidiStreamingCall<unknown, unknown> {
  return (grpcCall) => {
    const started = performance.now();
    const done = traced(method, grpcCall.metadata, async () => {
      const call = await open(chassis, grpcCall, Number.POSITIVE_INFINITY);
      const key = watchKey(chassis.authenticate, textOf(grpcCall.metadata, 'authorization'));
      try {
        // Answers under way still go out when the server stops: that is not for the handler to know.
        const onFull = (wait: Promise<void>): void => void unstalled(chassis, grpcCall, wait);
        const draining = AbortSignal.any([chassis.draining, key.revoked]);
        await converse(grpcCall, call, handler(call), { draining, onFull });
      } finally {
        key.stop();
      }
      key.revoked.throwIfAborted();
    });
    endWith(chassis, method, grpcCall, done, started);
  };
}

/** Over this long, in milliseconds, callers are spread that come back from a server that stops. */
const comeBackWithinMs = 200;

function comeBack(): SluiceError {
  const retryAfterMs = jitter(comeBackWithinMs);
  return new SluiceError('unavailable', 'This instance stops; connect again, to another one.', { retryAfterMs });
}

function endWith(chassis: Chassis, method: Method, grpcCall: Writing, done: Promise<void>, started: number): void {
  done.then(
    () => {
      const code = grpcCall.cancelled ? status.CANCELLED : status.OK;
      chassis.times.record(method.path, code, performance.now() - started);
      grpcCall.end();
    },
    (error: unknown) => {
      if (!grpcCall.cancelled) report(chassis, method, error, performance.now() - started);
      grpcCall.emit('error', statusOf(error));
    },
  );
}

/** Runs the work inside a server span when the caller's trace, or our own dice, say so. */
function traced<T>(method: Method, metadata: Metadata, work: () => Promise<T>): Promise<T> {
  const traceparent = textOf(metadata, 'traceparent');
  if (!isSampled(traceparent)) return work();
  const name = method.path.slice(1);
  return withSpan(
    name,
    {
      kind: 'server',
      parent: traceparent,
      isRoot: traceparent === undefined,
      attributes: { 'rpc.system': 'grpc', 'rpc.method': name },
    },
    work,
  );
}

/** Headers of the same name are one list. */
function baggageOf(metadata: Metadata): string | undefined {
  const values = metadata.get('baggage');
  return values.length === 0 ? undefined : values.join(',');
}

/** Streams know of the server's stop; a unary call is short enough to be finished. */
async function open(
  chassis: Chassis,
  grpcCall: GrpcCall,
  defaultDeadlineMs: number,
  context: CallContext = {},
): Promise<Call> {
  const found = chassis.authenticate(textOf(grpcCall.metadata, 'authorization'));
  // A key that is not known yet: it is waited for, in case it has just been made.
  if (found instanceof Promise) chassis.park(grpcCall.metadata.get(callIdKey)[0]);
  const principal: Principal = await found;
  const asked = Number(grpcCall.getDeadline());
  const deadlineMs = Number.isFinite(asked) ? asked - shaveMs : defaultDeadlineMs;
  return new Call(grpcCall, principal, chassis.logger, deadlineMs, currentTraceparent(), {
    ...context,
    park: chassis.park,
  });
}

function textOf(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}

/** Closes the stream when the wait for its reader takes too long; the wait ends by that. */
async function unstalled({ streamStallMs, cutOff }: Chassis, { metadata }: GrpcCall, wait: Promise<void>) {
  if (streamStallMs === 0) return wait;
  const timer = setTimeout(() => cutOff(metadata.get(callIdKey)[0]), streamStallMs);
  return wait.finally(() => clearTimeout(timer));
}

async function drained(stream: ServerWritableStream<unknown, unknown>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    stream.once('drain', settle);
    signal.addEventListener('abort', settle, { once: true });
    if (signal.aborted) settle();
  });
}

/** Faults of ours go to the log with their cause; faults of the caller are the caller's to read. */
function report({ logger, times }: Chassis, method: Method, error: unknown, elapsedMs: number): void {
  const code = statusOf(error).code;
  times.record(method.path, code, elapsedMs);
  const line = {
    method: method.path,
    code: status[code],
    elapsedMs: Math.round(elapsedMs),
  };
  if (error instanceof SluiceError && error.kind !== 'internal') {
    logger.debug({ ...line, reason: error.message, cause: error.cause }, 'call refused');
  } else {
    logger.error({ ...line, err: error }, 'call failed');
  }
}
