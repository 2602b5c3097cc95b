import {
  type ChannelOptions,
  type ClientReadableStream,
  credentials,
  Client as GrpcClient,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { currentBaggage } from './baggage.js';
import { withOwnDns } from './dns-resolver.js';
import { type Duplex, type DuplexListener, openDuplex } from './duplex.js';
import { SluiceError } from './errors.js';
import { regionTiers } from './region-tiers.js';
import { isRepeatable } from './repeatable.js';
import { consulAddrOption, endpointsDirOption, regionOption, registerResolvers } from './resolver.js';
import { Sender } from './sender.js';
import { errorOf } from './status.js';
import { currentTraceparent, withSpan } from './tracing.js';
import { sendAll } from './upload.js';
import { type Bounds, deadlineIn, leftMsOf, onAbort } from './within.js';

interface Method {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: never) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

type RequestOf<M extends Method> = Parameters<M['requestSerialize']>[0];
type ResponseOf<M extends Method> = ReturnType<M['responseDeserialize']>;

export interface UnaryOptions extends Bounds {
  /** How long to wait for the answer, in milliseconds. There is no default: every wait has a deadline. */
  readonly timeoutMs: number;
  /** W3C baggage to send; that of the request which is worked on unless said. */
  readonly baggage?: string | undefined;
}

/** Streams last until somebody ends them, unless a bound is given. */
export type StreamOptions = Bounds;

type MethodCall<M extends Method> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? (listener: DuplexListener<ResponseOf<M>>, options?: StreamOptions) => Duplex<RequestOf<M>>
    : (requests: Iterable<RequestOf<M>> | AsyncIterable<RequestOf<M>>, options: UnaryOptions) => Promise<ResponseOf<M>>
  : M['responseStream'] extends true
    ? (request: RequestOf<M>, options?: StreamOptions) => AsyncIterable<ResponseOf<M>>
    : (request: RequestOf<M>, options: UnaryOptions) => Promise<ResponseOf<M>>;

/** One function for each method of a service; failures are `SluiceError`s. */
export type Client<D> = {
  readonly [Name in keyof D]: D[Name] extends Method ? MethodCall<D[Name]> : never;
} & {
  close(): void;
};

export interface ClientOptions {
  /**
   * `consul:///evaluation`, `static:///127.0.0.1:7440,127.0.0.1:7441` or `dns:///evaluation:7440`. In the
   * last two the second tier follows behind a semicolon: `dns:///evaluation.us:7440;evaluation.eu:7440`.
   */
  readonly target: string;
  /** SDK key, or the mesh's own secret; absent for services that ask for none. */
  readonly key?: string | undefined;
  /** Where to ask for `consul:` targets, `host:port`. */
  readonly consulAddr?: string | undefined;
  /** The own region: its instances are preferred. */
  readonly region?: string | undefined;
  /** Where the endpoints known last are kept, for a start without Consul. */
  readonly endpointsDir?: string | undefined;
  /** Largest answer in bytes. */
  readonly maxReceiveBytes?: number | undefined;
  /**
   * How long an instance may be silent before it is given up, in milliseconds; 1,500 unless said. More
   * is for calls that keep it too busy to say that it lives.
   */
  readonly silentMs?: number | undefined;
}

/** A typed client over a load-balanced, self-healing channel. */
export function createClient<D extends object>(definition: D, options: ClientOptions): Client<D> {
  registerResolvers();
  const methods = Object.entries(definition as Record<string, Method>);
  const client = new GrpcClient(
    withOwnDns(options.target),
    credentials.createInsecure(),
    channelOptions(methods, options),
  );
  const metadata = new Metadata();
  if (options.key !== undefined) metadata.set('authorization', `Bearer ${options.key}`);
  const sender = new Sender(methods[0]?.[1].path.split('/')[1] ?? '');
  const calls = methods.map(([name, method]) => [name, caller(client, name, method, metadata, sender)]);
  return {
    ...Object.fromEntries(calls),
    close: () => client.close(),
  } as Client<D>;
}

function caller(client: GrpcClient, name: string, method: Method, metadata: Metadata, sender: Sender) {
  if (method.requestStream && !method.responseStream) return upload(client, method, metadata, sender);
  if (method.requestStream) return duplex(client, method, metadata);
  if (method.responseStream) return stream(client, method, metadata);
  const send = unary(client, method, metadata, sender);
  return isRepeatable(name) ? onceMore(send) : send;
}

/** After so long without a word an instance is asked whether it lives, in milliseconds. */
const askedAfterMs = 1_000;

function channelOptions(methods: readonly [string, Method][], options: ClientOptions): ChannelOptions {
  const name = methods
    // A conversation that broke is its caller's to repeat: only it knows what was answered.
    .filter(([method, { requestStream }]) => isRepeatable(method) && !requestStream)
    .map(([, { path }]) => path.slice(1).split('/'))
    .map(([service, method]) => ({ service, method }));
  const retryPolicy = {
    maxAttempts: 4,
    initialBackoff: '0.02s',
    maxBackoff: '0.2s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  };
  return {
    [consulAddrOption]: options.consulAddr,
    [regionOption]: options.region,
    [endpointsDirOption]: options.endpointsDir,
    'grpc.service_config': JSON.stringify({
      loadBalancingConfig: [{ [regionTiers]: { child_policy: [{ outlier_detection: outlierDetection }] } }],
      methodConfig: name.length > 0 ? [{ name, retryPolicy }] : [],
      // Half of them may be spent at once: a connection that goes silent takes a second's calls along.
      retryThrottling: { maxTokens: 1_000, tokenRatio: 0.1 },
    }),
    'grpc.max_receive_message_length': options.maxReceiveBytes ?? 4 * 1024 * 1024,
    // A proxy variable in the environment must not capture calls inside the mesh.
    'grpc.enable_http_proxy': 0,
    // A peer that hangs, rather than dies, is noticed by its silence.
    'grpc.keepalive_time_ms': askedAfterMs,
    'grpc.keepalive_timeout_ms': Math.max((options.silentMs ?? 1_500) - askedAfterMs, 1),
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.use_local_subchannel_pool': 1,
  };
}

/** Durations as objects: grpc-js reads the fraction of "0.5s" as nanoseconds. */
const outlierDetection = {
  interval: { seconds: 0, nanos: 500_000_000 },
  base_ejection_time: { seconds: 1, nanos: 0 },
  max_ejection_time: { seconds: 10, nanos: 0 },
  max_ejection_percent: 50,
  failure_percentage_ejection: {
    threshold: 50,
    enforcement_percentage: 100,
    minimum_hosts: 2,
    request_volume: 10,
  },
  child_policy: [{ round_robin: {} }],
};

type Unary = (request: never, options: UnaryOptions, onBegun?: () => void) => Promise<unknown>;

function unary(client: GrpcClient, method: Method, metadata: Metadata, sender: Sender): Unary {
  const name = method.path.slice(1);
  return (request, options, onBegun = () => undefined) =>
    withSpan(name, { kind: 'client', attributes: { 'rpc.system': 'grpc', 'rpc.method': name } }, () =>
      sender.send(options, (callOptions, done) =>
        client
          .makeUnaryRequest(
            method.path,
            method.requestSerialize,
            method.responseDeserialize,
            request,
            withContext(metadata, options.baggage ?? currentBaggage()),
            callOptions,
            done,
          )
          .once('metadata', onBegun),
      ),
    );
}

/**
 * gRPC repeats no call whose answer has begun. One that breaks off there, as its server died between the headers and
 * the message, is asked for once more, in what time is left.
 */
function onceMore(send: Unary): Unary {
  return async (request, options) => {
    const startMs = performance.now();
    let hasBegun = false;
    try {
      return await send(request, options, () => {
        hasBegun = true;
      });
    } catch (error) {
      const isBroken = hasBegun && error instanceof SluiceError && error.kind === 'unavailable';
      const timeoutMs = options.timeoutMs - (performance.now() - startMs);
      if (!isBroken || error.retryAfterMs !== undefined || timeoutMs <= 0) throw error;
      return send(request, { ...options, timeoutMs });
    }
  };
}

function stream(client: GrpcClient, method: Method, metadata: Metadata) {
  return async function* (request: never, options: StreamOptions = {}): AsyncGenerator<unknown> {
    const call: ClientReadableStream<unknown> = client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      withTrace(metadata),
      deadlineIn(leftMsOf(options)),
    );
    const release = onAbort(options, () => call.cancel());
    try {
      for await (const message of call) yield message;
    } catch (error) {
      throw errorOf(error as ServiceError);
    } finally {
      release();
      call.cancel();
    }
  };
}

function upload(client: GrpcClient, method: Method, metadata: Metadata, sender: Sender) {
  return (requests: Iterable<never> | AsyncIterable<never>, options: UnaryOptions): Promise<unknown> => {
    let failed: { error: unknown } | undefined;
    const answer = sender.send(options, (callOptions, done) => {
      let isOver = false;
      const call = client.makeClientStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        withContext(metadata, options.baggage ?? currentBaggage()),
        callOptions,
        (error: ServiceError | null, response: unknown) => {
          isOver = true;
          done(error, response);
        },
      );
      sendAll(call, requests, () => isOver).catch((error: unknown) => {
        failed = { error };
        call.cancel();
      });
      return call;
    });
    // Messages that could not be had: their fault is the caller's answer, not the cancellation.
    return answer.catch((error: unknown) => Promise.reject(failed ? failed.error : error));
  };
}

function duplex(client: GrpcClient, method: Method, metadata: Metadata) {
  return (listener: DuplexListener<unknown>, options: StreamOptions = {}): Duplex<never> => {
    const { path, requestSerialize, responseDeserialize } = method;
    const call = client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      withTrace(metadata),
      deadlineIn(leftMsOf(options)),
    );
    return openDuplex(call, listener, options);
  };
}

/** The metadata of every call, with what only this one has. */
function withContext(metadata: Metadata, baggage: string | undefined): Metadata {
  const traced = withTrace(metadata);
  if (baggage === undefined) return traced;
  const own = traced === metadata ? metadata.clone() : traced;
  own.set('baggage', baggage);
  return own;
}

function withTrace(metadata: Metadata): Metadata {
  const traceparent = currentTraceparent();
  if (traceparent === undefined) return metadata;
  const traced = metadata.clone();
  traced.set('traceparent', traceparent);
  return traced;
}
