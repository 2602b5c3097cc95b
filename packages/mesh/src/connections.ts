import { constants, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { Rate } from './rate.js';
import type { ServerCounts } from './server-counts.js';
import type { ServerLimits } from './server-limits.js';

/** A connection that speaks HTTP/2. */
interface Connection {
  readonly controlFrames: Rate | undefined;
  readonly resets: Rate | undefined;
  readonly sheds: Rate;
  /** Until then, in monotonic milliseconds, its calls that are turned away have to wait for the answer. */
  rudeUntilMs: number;
}

/** Calls of one connection that may be turned away per second before it is slowed down. */
const shedsPerSecondMax = 200;
const rudeForMs = 5_000;
/** Calls under way on a connection that is slowed down. */
const rudeStreamsMax = 32;
const { NGHTTP2_ENHANCE_YOUR_CALM } = constants;

/** Who is connected: how many, from where, and whether they behave. */
export class Connections {
  readonly #limits: ServerLimits;
  readonly #counts: ServerCounts;
  readonly #perPeer = new Map<string, number>();
  readonly #sessions = new WeakMap<ServerHttp2Session, Connection>();
  #open = 0;

  constructor(limits: ServerLimits, counts: ServerCounts) {
    this.#limits = limits;
    this.#counts = counts;
  }

  get open(): number {
    return this.#open;
  }

  /** Takes a connection in, or closes it because there are too many. */
  admit(socket: Socket): boolean {
    const { connectionsMax, connectionsPerPeerMax } = this.#limits;
    const peer = socket.remoteAddress ?? '';
    const ofPeer = this.#perPeer.get(peer) ?? 0;
    if (isOver(this.#open, connectionsMax)) return this.#refuse(socket, 'all');
    if (isOver(ofPeer, connectionsPerPeerMax)) return this.#refuse(socket, 'peer');
    this.#open++;
    this.#perPeer.set(peer, ofPeer + 1);
    socket.once('close', () => {
      this.#open--;
      const left = (this.#perPeer.get(peer) ?? 1) - 1;
      if (left > 0) this.#perPeer.set(peer, left);
      else this.#perPeer.delete(peer);
    });
    return true;
  }

  /** Watches over a connection from its first byte on. */
  watch(session: ServerHttp2Session): void {
    const { prefaceTimeoutMs, controlFramesPerSecondMax: framesMax, resetsPerSecondMax: resetsMax } = this.#limits;
    const nowMs = performance.now();
    const connection: Connection = {
      controlFrames: framesMax > 0 ? new Rate(framesMax, 2 * framesMax, nowMs) : undefined,
      resets: resetsMax > 0 ? new Rate(resetsMax, 2 * resetsMax, nowMs) : undefined,
      sheds: new Rate(shedsPerSecondMax, shedsPerSecondMax, nowMs),
      rudeUntilMs: 0,
    };
    this.#sessions.set(session, connection);
    const onControlFrame = (): void => {
      if (connection.controlFrames && connection.controlFrames.take(performance.now()) > 0)
        this.#close(session, 'control_frames');
    };
    session.on('ping', onControlFrame);
    session.on('remoteSettings', onControlFrame);
    if (prefaceTimeoutMs === 0) return;
    const timer = setTimeout(() => this.#close(session, 'preface'), prefaceTimeoutMs).unref();
    // SETTINGS end the preface: before them nothing else may come.
    session.once('remoteSettings', () => clearTimeout(timer));
    session.once('close', () => clearTimeout(timer));
  }

  /** The caller took a call back before it had an answer. */
  noteReset(session: ServerHttp2Session): void {
    const connection = this.#sessions.get(session);
    if (connection?.resets && connection.resets.take(performance.now()) > 0) this.#close(session, 'resets');
  }

  /**
   * A call was turned away. Whoever comes back again and again, at once, is slowed down: fewer calls
   * under way, and each answer late. That costs us memory for few, and spares the time of all.
   * @returns how long the answer has to wait, in milliseconds.
   */
  noteShed(session: ServerHttp2Session): number {
    const connection = this.#sessions.get(session);
    const nowMs = performance.now();
    if (connection === undefined) return 0;
    if (connection.sheds.take(nowMs) > 0) {
      if (connection.rudeUntilMs < nowMs) this.#slow(session, connection);
      connection.rudeUntilMs = nowMs + rudeForMs;
    }
    return connection.rudeUntilMs > nowMs ? 100 : 0;
  }

  #slow(session: ServerHttp2Session, connection: Connection): void {
    this.#counts.connectionsSlowed++;
    const usual = this.#limits.streamsPerConnectionMax;
    session.settings({ maxConcurrentStreams: Math.min(rudeStreamsMax, usual) });
    const restore = setInterval(() => {
      if (connection.rudeUntilMs > performance.now() && !session.closed) return;
      clearInterval(restore);
      if (!session.closed && !session.destroyed) session.settings({ maxConcurrentStreams: usual });
    }, rudeForMs).unref();
  }

  #refuse(socket: Socket, reason: 'all' | 'peer'): false {
    this.#counts.connectionsRefused[reason]++;
    socket.destroy();
    return false;
  }

  #close(session: ServerHttp2Session, reason: 'preface' | 'control_frames' | 'resets'): void {
    if (session.destroyed) return;
    this.#counts.connectionsClosed[reason]++;
    session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

function isOver(count: number, max: number): boolean {
  return max > 0 && count >= max;
}
