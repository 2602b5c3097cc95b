import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { CallGate, type CallGateOptions } from './call-gate.js';
import { Connections } from './connections.js';
import type { Route } from './routes.js';
import { ServerCounts, type ServerLevels } from './server-counts.js';
import type { ServerLimits } from './server-limits.js';

export interface FrontOptions {
  readonly limits: ServerLimits;
  readonly routes: ReadonlyMap<string, Route>;
  /** Whoever shows it has no rate. */
  readonly meshKey: string;
}

/** What stands in front of gRPC: what is too much is turned away before gRPC has read any of it. */
export interface Front {
  readonly connections: Connections;
  readonly counts: ServerCounts;
  readonly levels: ServerLevels;
  /** Begins to speak HTTP/2 on a connection that was taken in. */
  serve(socket: Socket): void;
  /** The call of this id waits for something else than us: others may take its place. */
  park(callId: unknown): void;
  /** Closes the call of this id, whose caller takes nothing any more. */
  cutOff(callId: unknown): void;
  close(): void;
}

/** Connections and calls come here first, and are handed to the server when there is room for them. */
export function createFront(server: Server, { limits, routes, meshKey }: FrontOptions): Front {
  const grpc = http2Of(server);
  const counts = new ServerCounts();
  const connections = new Connections(limits, counts);
  const pass: CallGateOptions['pass'] = (stream, headers) => void grpc.emit('stream', stream, headers);
  const gate = new CallGate({ limits, routes, meshKey, connections, counts, pass });
  const http2 = createHttp2(limits);
  http2.on('session', (session: ServerHttp2Session) => {
    connections.watch(session);
    grpc.emit('session', session);
    session.on('stream', (stream, headers) => gate.arrive(session, stream, headers));
  });
  const balancing = setInterval(() => connections.balance(), balanceEveryMs).unref();
  return {
    connections,
    counts,
    get levels() {
      const { inFlight, limit, waiting } = gate.admission;
      return {
        connections: connections.open,
        callsInFlight: inFlight,
        callsInFlightLimit: limit,
        callsWaiting: waiting,
      };
    },
    serve: (socket) => void http2.emit('connection', socket),
    park: (callId) => gate.park(callId),
    cutOff: (callId) => gate.cutOff(callId),
    close: () => {
      clearInterval(balancing);
      gate.close();
    },
  };
}

const balanceEveryMs = 100;

/** Megabytes that one connection may make us hold. */
const sessionMegabytesMax = 64;
const unlimited = 1_000_000_000;

function createHttp2(limits: ServerLimits): Http2Server {
  const { headerBytesMax, streamsPerConnectionMax, resetsPerSecondMax } = limits;
  const http2 = createServer({
    maxSessionMemory: sessionMegabytesMax,
    maxSendHeaderBlockLength: Number.MAX_SAFE_INTEGER,
    settings: {
      ...(streamsPerConnectionMax > 0 ? { maxConcurrentStreams: streamsPerConnectionMax } : {}),
      ...(headerBytesMax > 0 ? { maxHeaderListSize: headerBytesMax } : {}),
    },
    // Ours comes first; this one holds for what never becomes a call.
    streamResetBurst: resetsPerSecondMax > 0 ? 10 * resetsPerSecondMax : unlimited,
    streamResetRate: resetsPerSecondMax > 0 ? 5 * resetsPerSecondMax : unlimited,
  });
  http2.setTimeout(0);
  return http2;
}

/**
 * The HTTP/2 server inside a gRPC server, which takes sessions and streams as events. grpc-js has
 * no public way to see a call before it was parsed, and that is too late to turn one away cheaply.
 */
function http2Of(server: Server): Http2Server {
  server.createConnectionInjector(ServerCredentials.createInsecure());
  const servers: unknown = Reflect.get(server, 'http2Servers');
  const [http2] = servers instanceof Map ? (servers.keys() as Iterable<Http2Server>) : [];
  if (http2?.listenerCount('stream') !== 1) {
    throw new Error('This version of @grpc/grpc-js keeps its HTTP/2 server elsewhere: see packages/mesh/src/front.ts.');
  }
  return http2;
}
