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
  /** When it called last, in monotonic milliseconds. */
  calledMs: number;
  /** Whose call that was. */
  key: string;
  /** Calls under way that have no deadline, such as streams of changes: they take no part in what is shared. */
  lasting: number;
  /** Calls under way that it was told it may have. */
  told: number;
  /** Until then, in monotonic milliseconds, its calls that are turned away have to wait for the answer. */
  rudeUntilMs: number;
}

/** Calls of one connection that may be turned away per second before it is slowed down. */
const shedsPerSecondMax = 200;
const rudeForMs = 5_000;
/** Calls under way on a connection that is slowed down. */
const rudeStreamsMax = 32;
/** A thread that is busy for this share of the time is saturated. */
const saturated = 0.9;
/** A key that makes this share of all calls, while others call as well, is greedy. */
const greedyShare = 0.8;
/** Fewer calls in a tenth of a second tell nothing. */
const tellingCalls = 20;
/** For so long a key is taken for greedy, in milliseconds. */
const greedyForMs = 1_000;
/** Calls under way of a greedy key: what a thread reads and answers in some 10 ms. */
const greedyStreams = 64;
const streamsMin = 4;
/** A connection that has not called for so long leaves its share to others, in milliseconds. */
const idleAfterMs = 1_000;
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
  /** By key, since the last look. */
  readonly #calls = new Map<string, number>();
  #greedy: { readonly key: string; readonly untilMs: number } | undefined;
  /** Some may have fewer calls under way than usual. */
  #isSlowing = false;

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
      resets: resetsMax > 0 ? new Rate(resetsMax, 2 * resetsMax, nowMs) : undefined,
      sheds: new Rate(shedsPerSecondMax, shedsPerSecondMax, nowMs),
      ...{ calledMs: nowMs, key: '', lasting: 0, told: this.#limits.streamsPerConnectionMax, rudeUntilMs: 0 },
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

  /** A call came in. @returns what to do at the end of one that has no deadline. */
  noteCall(session: ServerHttp2Session, key: string, isLasting: boolean, nowMs: number): (() => void) | undefined {
    const connection = this.#sessions.get(session);
    if (connection === undefined) return undefined;
    connection.calledMs = nowMs;
    connection.key = key;
    this.#calls.set(key, (this.#calls.get(key) ?? 0) + 1);
    if (!isLasting) return undefined;
    connection.lasting++;
    return () => void connection.lasting--;
  }

  /**
   * To be called ten times a second, with the share of the time that the thread was busy since. Whatever
   * has arrived is read before anything is answered: one key with a thousand calls under way would make
   * everybody wait for all of them. So while the thread is saturated, and nearly all calls are of one key,
   * that key's connections share a few calls under way.
   */
  balance(utilization: number): void {
    const usual = this.#limits.streamsPerConnectionMax;
    const nowMs = performance.now();
    const greedy = utilization > saturated ? greediest(this.#calls) : undefined;
    this.#calls.clear();
    if (greedy !== undefined) this.#greedy = { key: greedy, untilMs: nowMs + greedyForMs };
    else if (this.#greedy && this.#greedy.untilMs < nowMs) this.#greedy = undefined;
    if (usual === 0 || !(this.#greedy || this.#isSlowing)) return;
    const share = this.#greedy ? this.#shareOf(this.#greedy.key, nowMs) : usual;
    this.#isSlowing = false;
    for (const [session, connection] of this.#sessions) {
      const own = connection.key === this.#greedy?.key ? share : usual;
      const rude = connection.rudeUntilMs > nowMs ? rudeStreamsMax : usual;
      const max = Math.min(Math.min(own, rude) + connection.lasting, usual);
      if (max < usual) this.#isSlowing = true;
      if (max === connection.told || session.closed || session.destroyed) continue;
      connection.told = max;
      session.settings({ maxConcurrentStreams: max });
    }
  }

  /** In steps of two, so that it does not change with each connection that comes or goes. */
  #shareOf(key: string, nowMs: number): number {
    let callers = 0;
    for (const one of this.#sessions.values()) if (one.key === key && nowMs - one.calledMs < idleAfterMs) callers++;
    return Math.max(2 ** Math.floor(Math.log2(greedyStreams / Math.max(callers, 1))), streamsMin);
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
      this.#isSlowing = true;
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

/** The key that makes nearly all of the calls, though others call as well. */
function greediest(calls: ReadonlyMap<string, number>): string | undefined {
  let total = 0;
  let most = 0;
  let greedy: string | undefined;
  for (const [key, count] of calls) {
    total += count;
    if (count <= most) continue;
    most = count;
    greedy = key;
  }
  return calls.size > 1 && total >= tellingCalls && most > greedyShare * total ? greedy : undefined;
}

function isOver(count: number, max: number): boolean {
  return max > 0 && count >= max;
}
