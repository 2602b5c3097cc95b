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
  /** Calls under way that have no deadline, such as streams of changes: slowing it down takes none of them. */
  lasting: number;
  /** Calls under way that it was told it may have. */
  told: number;
  /** Until then, in monotonic milliseconds, its calls that are turned away have to wait for the answer. */
  rudeUntilMs: number;
}

/** The share of a second's resets that a new connection has at once: a stranger would open one after the other. */
const trustedShare = 0.1;
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
  readonly #sessions = new Map<ServerHttp2Session, Connection>();
  /** Those that have not said all of their preface yet, oldest first. */
  readonly #unproven = new Set<ServerHttp2Session>();
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
    const { controlFramesPerSecondMax: framesMax, resetsPerSecondMax: resetsMax } = this.#limits;
    const nowMs = performance.now();
    const connection: Connection = {
      controlFrames: framesMax > 0 ? new Rate(framesMax, 2 * framesMax, nowMs) : undefined,
      resets:
        resetsMax > 0 ? new Rate(resetsMax, 2 * resetsMax, nowMs, Math.max(resetsMax * trustedShare, 1)) : undefined,
      sheds: new Rate(shedsPerSecondMax, shedsPerSecondMax, nowMs),
      lasting: 0,
      told: this.#limits.streamsPerConnectionMax,
      rudeUntilMs: 0,
    };
    this.#sessions.set(session, connection);
    session.once('close', () => this.#sessions.delete(session));
    const onControlFrame = (): void => {
      if (connection.controlFrames && connection.controlFrames.take(performance.now()) > 0)
        this.#close(session, 'control_frames');
    };
    session.on('ping', onControlFrame);
    session.on('remoteSettings', onControlFrame);
    this.#awaitPreface(session);
  }

  /** SETTINGS end the preface: before them nothing else may come. */
  #awaitPreface(session: ServerHttp2Session): void {
    const { prefaceTimeoutMs, prefacesMax } = this.#limits;
    const close = (late: ServerHttp2Session): void => this.#close(late, 'preface');
    const timer = prefaceTimeoutMs > 0 ? setTimeout(close, prefaceTimeoutMs, session).unref() : undefined;
    this.#unproven.add(session);
    const [oldest] = this.#unproven;
    if (oldest && isOver(this.#unproven.size - 1, prefacesMax)) {
      this.#unproven.delete(oldest);
      close(oldest);
    }
    const settle = (): void => {
      clearTimeout(timer);
      this.#unproven.delete(session);
    };
    session.once('remoteSettings', settle);
    session.once('close', settle);
  }

  /** A call without a deadline came in. @returns what to do at its end. */
  noteLasting(session: ServerHttp2Session): (() => void) | undefined {
    const connection = this.#sessions.get(session);
    if (connection === undefined) return undefined;
    connection.lasting++;
    return () => void connection.lasting--;
  }

  /** Slows down who has become rude, and lets go on who has behaved since. To be called now and then. */
  balance(): void {
    const usual = this.#limits.streamsPerConnectionMax;
    if (usual === 0) return;
    const nowMs = performance.now();
    for (const [session, connection] of this.#sessions) {
      const { told, lasting, rudeUntilMs } = connection;
      const max = rudeUntilMs > nowMs ? Math.min(rudeStreamsMax + lasting, usual) : usual;
      if (max === told || session.closed || session.destroyed) continue;
      connection.told = max;
      session.settings({ maxConcurrentStreams: max });
    }
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
      if (connection.rudeUntilMs < nowMs) this.#counts.connectionsSlowed++;
      connection.rudeUntilMs = nowMs + rudeForMs;
    }
    return connection.rudeUntilMs > nowMs ? 100 : 0;
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
