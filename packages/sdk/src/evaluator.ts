import { setTimeout as delay } from 'node:timers/promises';
import type { User as EngineUser } from '@sluice/engine';
import { backoff, type Client, createClient, currentBaggage, hasPin, SluiceError } from '@sluice/mesh';
import {
  type Decision,
  type EvaluateRequest,
  type EvaluateResponse,
  EvaluationServiceService,
  type InitializeClientRequest,
  Kind,
  type Provenance,
  type SetRef,
} from '@sluice/proto';
import type { AskOptions } from './answer.js';
import { type ChangeListener, ChangeListeners } from './change-listeners.js';
import { EvaluateStream } from './evaluate-stream.js';
import { messageOf } from './failed-answer.js';
import { Heard } from './heard.js';
import { lookMs, probeLeastMs, reconnectFirstMs, reconnectLongestMs, remoteTimeoutMs } from './limits.js';
import type { Settled } from './options.js';
import { pinIn } from './pin.js';
import { wireUser } from './wire-user.js';

export interface RemoteAskOptions extends AskOptions {
  /** Read your writes: the evaluator waits until it holds this revision. */
  readonly minRevision?: number | undefined;
}

/** Some decisions, and what they came from. */
export interface Decided {
  readonly decisions: readonly Decision[];
  readonly heard: Heard;
}

type Wanted = Pick<EvaluateRequest, 'set' | 'user' | 'minRevision' | 'pinnedRevision'>;

/** Repeating the question by a call of its own may help: it says nothing about the question itself. */
const brokenKinds: readonly string[] = ['unavailable', 'cancelled', 'internal', 'unimplemented'];

/** The fault is in the question; evaluators are there. */
const ownKinds: readonly string[] = ['invalid', 'precondition'];

/** No entity has this name: what comes back is what the evaluator holds. */
const probeName = '(probe)';

/** The evaluators that a client asks, and what the last answer said of them. */
export class Evaluator {
  /** What the last answer came from that was asked for without a pin. */
  heard: Heard | undefined = undefined;
  /** Why the last question was not answered. */
  problem: string | undefined = undefined;
  readonly #settled: Settled;
  readonly #timeoutMs: number;
  readonly #client: Client<typeof EvaluationServiceService>;
  readonly #stream: EvaluateStream;
  /** False once a server said that it has no such method. */
  #hasStream = true;
  readonly #listeners: ChangeListeners;
  #learnedSet: SetRef | undefined;
  #looking: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(settled: Settled, timeoutMs: number) {
    this.#settled = settled;
    this.#timeoutMs = timeoutMs;
    this.#client = createClient(EvaluationServiceService, settled.connection);
    this.#stream = new EvaluateStream(this.#client);
    this.#listeners = new ChangeListeners(settled.logger);
  }

  /** The set of the key, as soon as it is known. */
  get set(): SetRef | undefined {
    return this.#settled.set ?? this.#learnedSet;
  }

  /** @throws SluiceError when nobody answers. */
  async ask(kind: Kind, name: string, user: EngineUser, options: RemoteAskOptions = {}): Promise<Decided> {
    const isExposureDisabled = options.exposure === false || !this.#settled.isExposing;
    const wanted = this.#wanted(user, options);
    const isPinned = this.#isPinned(wanted);
    const request = { ...wanted, keys: [{ kind, name }], isExposureDisabled, atRevision: 0 };
    // Streams carry no baggage: while nobody knows which set it pins, the question is a call of its own.
    const stream = this.#isPinnedThere(wanted) ? undefined : this.#stream;
    const { decisions, provenance } = await this.#evaluate(request, this.#timeoutMs, stream);
    if (decisions.length === 0) throw new SluiceError('internal', 'the evaluator sent no decision');
    return { decisions, heard: this.#hear(provenance, isPinned) };
  }

  /** Every decision of the set. @throws SluiceError when nobody answers. */
  async askAll(user: EngineUser, options: RemoteAskOptions = {}): Promise<Decided> {
    const wanted = this.#wanted(user, options);
    const isPinned = this.#isPinned(wanted);
    const { decisions, provenance } = await this.#client.evaluateAll(
      { ...wanted, atRevision: 0 },
      { timeoutMs: this.#timeoutMs },
    );
    return { decisions, heard: this.#hear(provenance, isPinned) };
  }

  /** @returns the JSON text of a client document. @throws SluiceError when nobody answers. */
  async initialize(asked: InitializeClientRequest, user: EngineUser, options: RemoteAskOptions = {}): Promise<string> {
    const request = { ...asked, ...this.#wanted(user, options) };
    const { documentJson } = await this.#client.initializeClient(request, { timeoutMs: this.#timeoutMs });
    return documentJson;
  }

  /** Waits until an evaluator answers that holds this revision, or a later one. @throws SluiceError `deadline`. */
  async waitFor(revision: number, timeoutMs: number, why: (reason: string) => string): Promise<void> {
    const until = performance.now() + timeoutMs;
    for (let attempt = 0; ; attempt++) {
      const leftMs = until - performance.now();
      // What is left may be too little for an answer: its failure would hide what the last one said.
      if (leftMs <= (attempt === 0 ? 0 : probeLeastMs) || this.#isClosed)
        throw new SluiceError('deadline', why(this.#whyNot()));
      try {
        await this.probe(revision, Math.min(leftMs, remoteTimeoutMs));
        return;
      } catch {
        await delay(Math.min(backoff(attempt, reconnectFirstMs, reconnectLongestMs), leftMs));
      }
    }
  }

  /** Asks for nothing but what is held. @throws SluiceError when nobody answers. */
  async probe(minRevision = 0, timeoutMs: number = this.#timeoutMs): Promise<Heard> {
    const user = wireUser({}, { withPrivate: false });
    const wanted = { set: this.#settled.set, user, minRevision, pinnedRevision: undefined };
    const keys = [{ kind: Kind.GATE, name: probeName }];
    const request = { ...wanted, keys, isExposureDisabled: true, atRevision: 0 };
    try {
      return this.#hear((await this.#evaluate(request, timeoutMs, this.#stream, '')).provenance, false);
    } catch (error) {
      throw this.noteProblem(error);
    }
  }

  /** Tells of each change; while somebody listens, an evaluator is asked for what it holds each second. */
  listen(listener: ChangeListener): () => void {
    const leave = this.#listeners.add(listener);
    if (!this.#isClosed) this.#looking ??= setInterval(() => void this.probe().catch(() => undefined), lookMs).unref();
    return () => {
      leave();
      if (this.#listeners.isEmpty) this.#stopLooking();
    };
  }

  /** Remembers why a question was not answered. @returns the error. */
  noteProblem(error: unknown): unknown {
    const isOwn = error instanceof SluiceError && ownKinds.includes(error.kind);
    if (!isOwn) this.problem = messageOf(error);
    return error;
  }

  close(): void {
    this.#isClosed = true;
    this.#stopLooking();
    this.#stream.close();
    this.#client.close();
  }

  #stopLooking(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #wanted(user: EngineUser, { minRevision = 0, pin }: RemoteAskOptions): Wanted {
    const { set, globalCustomFields: globals } = this.#settled;
    const ambient = this.set && pinIn(this.set, currentBaggage());
    const pinnedRevision = pin?.revision || ambient?.revision;
    return { set, user: wireUser(user, { withPrivate: true, globals }), minRevision, pinnedRevision };
  }

  #isPinned(wanted: Wanted): boolean {
    return wanted.pinnedRevision !== undefined || this.#isPinnedThere(wanted);
  }

  /** Whether the evaluator finds the pin in the baggage of the call, as it is known there alone for which set that is. */
  #isPinnedThere({ pinnedRevision }: Wanted): boolean {
    return pinnedRevision === undefined && this.set === undefined && hasPin(currentBaggage());
  }

  /** Over the stream, if there is one; by a call of its own, which is repeated elsewhere if need be, when that breaks. */
  async #evaluate(
    request: EvaluateRequest,
    timeoutMs: number,
    stream: EvaluateStream | undefined,
    baggage?: string,
  ): Promise<EvaluateResponse> {
    const until = performance.now() + timeoutMs;
    if (this.#hasStream && stream) {
      try {
        return await stream.ask(request, timeoutMs);
      } catch (error) {
        const kind = error instanceof SluiceError ? error.kind : 'internal';
        if (!brokenKinds.includes(kind)) throw error;
        if (kind === 'unimplemented') this.#hasStream = false;
      }
    }
    return this.#client.evaluate(request, { timeoutMs: Math.max(until - performance.now(), 1), baggage });
  }

  #hear(provenance: Provenance | undefined, isPinned: boolean): Heard {
    if (!provenance) throw new SluiceError('internal', 'the evaluator did not say what it decided from');
    const heard = new Heard(provenance, this.#settled.staleAfterMs);
    this.problem = undefined;
    this.#learnedSet ??= provenance.set;
    if (isPinned) return heard;
    const previousRevision = this.heard?.revision ?? 0;
    this.heard = heard;
    const { revision } = heard;
    if (revision !== previousRevision) {
      this.#listeners.tell({ revision, previousRevision, source: 'network', names: undefined });
    }
    return heard;
  }

  #whyNot(): string {
    if (this.#isClosed) return 'the client is closed';
    if (this.problem !== undefined) return this.problem;
    return this.heard
      ? `revision ${this.heard.revision} decides`
      : `${this.#settled.connection.target} has not answered`;
  }
}
