/** What strangers send: each gives back when it has sent all of it. */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { scripted } from './scripted-server.js';

/** A port of this machine, or one of another address. */
export type Place = number | { readonly host: string; readonly port: number };

const placeOf = (place: Place): { host: string; port: number } =>
  typeof place === 'number' ? { host: '127.0.0.1', port: place } : place;

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const ping = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);

/** Sockets that say `text`, and nothing more. */
export async function sayAndWait(place: Place, count: number, text: Buffer): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(placeOf(place)));
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.resume();
    if (text.length > 0) socket.write(text);
  }
  await Promise.all(sockets.map((socket) => settled(socket)));
  return sockets;
}

const settled = (socket: Socket): Promise<unknown> =>
  Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);

/** Half of what a connection begins with. */
export const halfPreface = preface.subarray(0, 12);

export const garbage = Buffer.from('GET / HTTP/1.1\r\nhost: nobody\r\n\r\n');

/** PINGs by the ten thousand. @returns the socket, once all of them are sent or it was closed. */
export async function floodWithPings(place: Place, count: number): Promise<Socket> {
  return floodWith(place, count, ping);
}

export async function floodWithSettings(place: Place, count: number): Promise<Socket> {
  return floodWith(place, count, settings);
}

const batchFrames = 50;

async function floodWith(place: Place, count: number, frame: Buffer): Promise<Socket> {
  const [socket] = await sayAndWait(place, 1, Buffer.concat([preface, settings]));
  if (!socket) throw new Error('no socket');
  const batch = Buffer.concat(Array.from({ length: batchFrames }, () => frame));
  // More at once would be stopped by what HTTP/2 libraries know of floods themselves.
  for (let sent = 0; sent < count && !socket.destroyed; sent += batchFrames) {
    socket.write(batch);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return socket;
}

export function openSession(place: Place, options: Parameters<typeof connectHttp2>[1] = {}): ClientHttp2Session {
  const { host, port } = placeOf(place);
  const session = connectHttp2(`http://${host}:${port}`, options);
  session.on('error', () => undefined);
  return session;
}

interface RawCall {
  readonly method?: keyof typeof scripted;
  /** Instead of a method of the scripted server. */
  readonly path?: string;
  readonly key?: string;
  readonly timeout?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Opens a call by hand; its request is still to be written. */
export function openCall(session: ClientHttp2Session, call: RawCall = {}): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': call.path ?? scripted[call.method ?? 'getThing'].path,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${call.key ?? 'a-stranger'}`,
    ...(call.timeout === undefined ? {} : { 'grpc-timeout': call.timeout }),
    ...call.headers,
  });
  stream.on('error', () => undefined);
  stream.resume();
  return stream;
}

/** An empty request, as it is on the wire. */
export const emptyRequest = Buffer.from([0, 0, 0, 0, 0]);

/** The gRPC status that a call ends with; -1 when its stream ends without. */
export function statusOfCall(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve) => {
    let status = -1;
    const look = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers['grpc-status'] !== undefined) status = Number(headers['grpc-status']);
    };
    stream.on('response', look);
    stream.on('trailers', look);
    stream.once('close', () => resolve(status));
  });
}

/** Begins calls and takes them back at once. */
export async function resetRapidly(session: ClientHttp2Session, count: number): Promise<void> {
  for (let sent = 0; sent < count && !session.destroyed && !session.closed; sent++) {
    openCall(session).close(8);
    if (sent % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Calls at a rate over four connections, whatever the answers say. @returns how to stop. */
export function floodWithCalls(
  place: Place,
  key: string,
  perSecond: number,
  { path, request = emptyRequest }: { readonly path?: string; readonly request?: Buffer } = {},
): () => void {
  const sessions = Array.from({ length: 4 }, () => openSession(place));
  const startedMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (; sent < ((performance.now() - startedMs) * perSecond) / 1_000; sent++) {
      const session = sessions[sent % sessions.length];
      if (session && !session.destroyed && !session.closed)
        openCall(session, { key, timeout: '2S', ...(path === undefined ? {} : { path }) }).end(request);
    }
  }, 2);
  return () => {
    clearInterval(timer);
    for (const session of sessions) session.destroy();
  };
}
