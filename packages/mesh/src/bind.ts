import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Authenticate, Principal } from './auth.js';
import { Call } from './call.js';
import { type Answer, converse } from './conversation.js';
import { SluiceError } from './errors.js';
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
 * message at a time, now or later.
 */
type HandlerOf<M extends Method> = M['requestStream'] extends true
  ? (call: Call) => Answer<RequestOf<M>, ResponseOf<M>>
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
  if (method.requestStream) return conversing(chassis, method, handler as ConversationHandler);
  if (method.responseStream) return streaming(chassis, method, handler as StreamHandler);
  return unary(chassis, method, handler as UnaryHandler);
}

type UnaryHandler = (request: unknown, call: Call) => unknown;
type StreamHandler = (request: unknown, call: Call) => AsyncIterable<unknown>;
type ConversationHandler = (call: Call) => Answer<unknown, unknown>;
type Writing = ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>;
type GrpcCall = ServerUnaryCall<unknown, unknown> | Writing;

/**
 * Left between our deadline and the caller's, so that the answer about a time-out gets there,
 * in milliseconds.
 */
const shaveMs = 20;

function unary(chassis: Chassis, method: Method, handler: UnaryHandler): handleUnaryCall<unknown, unknown> {
  return (grpcCall, callback) => {
    const started = performance.now();
    const answer = traced(method, grpcCall.metadata, async () => {
      const call = await open(chassis, grpcCall, Date.now() + chassis.defaultTimeoutMs);
      if (call.remainingMs() <= 0)
        throw new SluiceError('deadline', 'The deadline passed before the call was handled.');
      return handler(grpcCall.request, call);
    });
    answer.then(
      (response) => callback(null, response),
      (error: unknown) => {
        report(chassis.logger, method, error, performance.now() - started);
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
      const call = await open(chassis, grpcCall, Number.POSITIVE_INFINITY);
      for await (const message of handler(grpcCall.request, call)) {
        if (call.signal.aborted) return;
        if (!grpcCall.write(message)) await drained(grpcCall, call.signal);
      }
    });
    endWith(grpcCall, done, (error) => report(chassis.logger, method, error, performance.now() - started));
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
      await converse(grpcCall, call, handler(call));
    });
    endWith(grpcCall, done, (error) => report(chassis.logger, method, error, performance.now() - started));
  };
}

function endWith(grpcCall: Writing, done: Promise<void>, onFault: (error: unknown) => void): void {
  done.then(
    () => grpcCall.end(),
    (error: unknown) => {
      if (!grpcCall.cancelled) onFault(error);
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

async function open(chassis: Chassis, grpcCall: GrpcCall, defaultDeadlineMs: number): Promise<Call> {
  const principal: Principal = await chassis.authenticate(textOf(grpcCall.metadata, 'authorization'));
  const asked = Number(grpcCall.getDeadline());
  const deadlineMs = Number.isFinite(asked) ? asked - shaveMs : defaultDeadlineMs;
  return new Call(grpcCall, principal, chassis.logger, deadlineMs, currentTraceparent());
}

function textOf(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
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
function report(logger: Logger, method: Method, error: unknown, elapsedMs: number): void {
  const code = statusOf(error).code;
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
