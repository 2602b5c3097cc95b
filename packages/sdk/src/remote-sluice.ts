import type { User } from '@sluice/engine';
import { type Client, createClient, currentBaggage, hasPin, SluiceError } from '@sluice/mesh';
import { type Decision, type EvaluateResponse, EvaluationServiceService, Kind, type Provenance } from '@sluice/proto';
import type { AllAnswers, AskOptions, ConfigAnswer, GateAnswer, LayerAnswer, ParameterStoreAnswer } from './answer.js';
import type { SourceBooks } from './books.js';
import { EvaluateStream } from './evaluate-stream.js';
import { openEventQueue } from './event-client.js';
import type { EventQueue } from './event-queue.js';
import {
  type Failure,
  failedConfig,
  failedGate,
  failedLayer,
  failedStore,
  messageOf,
  noAnswers,
  notReady,
} from './failed-answer.js';
import { closeTimeoutMs, remoteTimeoutMs } from './limits.js';
import { type ConnectionOptions, type Settled, settle } from './options.js';
import type { EventDetails } from './pending-event.js';
import { baggageIn, type Carrier, type Pin, pinFor, pinIn } from './pin.js';
import { RemoteConfig, RemoteGate, RemoteLayer } from './remote-answer.js';
import type { Patience } from './sluice.js';
import { wireUser } from './wire-user.js';

export interface RemoteSluiceOptions extends ConnectionOptions {
  /** How long a question may take, in milliseconds. 2 s unless said. */
  readonly timeoutMs?: number | undefined;
}

export interface RemoteAskOptions extends AskOptions {
  /** Read your writes: the evaluator waits until it holds this revision. */
  readonly minRevision?: number | undefined;
}

type Answered = { readonly decision: Decision; readonly provenance: Provenance | undefined };

/** Repeating the question by a call of its own may help: it says nothing about the question itself. */
const brokenKinds: readonly string[] = ['unavailable', 'cancelled', 'internal', 'unimplemented'];

/**
 * Asks an evaluator for each decision, for callers that must not hold rulesets. The same questions
 * as `Sluice` answers, as promises that never reject: when nobody answers, they give the defaults
 * with the reason `ERROR`. The evaluator logs the exposures.
 */
export class RemoteSluice {
  readonly #settled: Settled;
  readonly #timeoutMs: number;
  readonly #client: Client<typeof EvaluationServiceService>;
  readonly #stream: EvaluateStream;
  /** False once a server said that it has no such method. */
  #hasStream = true;
  readonly #queue: EventQueue;
  readonly #closeIngestion: () => void;

  /** @throws SluiceError `invalid` naming an option that can't be used. */
  constructor(options: RemoteSluiceOptions) {
    this.#settled = settle(options);
    this.#timeoutMs = options.timeoutMs ?? remoteTimeoutMs;
    this.#client = createClient(EvaluationServiceService, this.#settled.connection);
    this.#stream = new EvaluateStream(this.#client);
    const { queue, close } = openEventQueue(this.#settled, () => this.#settled.set);
    this.#queue = queue;
    this.#closeIngestion = close;
  }

  /** Whether a gate is on for a user; false when in doubt. */
  async checkGate(name: string, user: User, options?: RemoteAskOptions): Promise<boolean> {
    return (await this.gate(name, user, options)).value;
  }

  async gate(name: string, user: User, options?: RemoteAskOptions): Promise<GateAnswer> {
    const answered = await this.#ask(Kind.GATE, name, user, options);
    if ('errorCode' in answered) return failedGate(name, answered);
    return new RemoteGate(answered.decision, answered.provenance);
  }

  config(name: string, user: User, options?: RemoteAskOptions): Promise<ConfigAnswer> {
    return this.#valueOf(Kind.CONFIG, name, user, options);
  }

  experiment(name: string, user: User, options?: RemoteAskOptions): Promise<ConfigAnswer> {
    return this.#valueOf(Kind.EXPERIMENT, name, user, options);
  }

  /** Asking is the exposure here, as the evaluator can't see which parameters are read. */
  async layer(name: string, user: User, options?: RemoteAskOptions): Promise<LayerAnswer> {
    const answered = await this.#ask(Kind.LAYER, name, user, options);
    if ('errorCode' in answered) return failedLayer(name, answered);
    return new RemoteLayer(answered.decision, answered.provenance);
  }

  /** Evaluators do not answer for parameter stores: every parameter is its fallback, and the reason says so. */
  parameterStore(name: string, _user: User, _options?: RemoteAskOptions): Promise<ParameterStoreAnswer> {
    const detail = 'Unsupported: parameter stores are evaluated locally only; use Sluice';
    return Promise.resolve(failedStore(name, { ...notReady, errorCode: 'UNSUPPORTED', detail }));
  }

  /**
   * Pins a request to one revision, so that all its questions are answered by the same ruleset,
   * here and in every service that it calls on: to the revision in its baggage, or else to the one
   * that the evaluator holds now. Ask with `{ pin }`; send `pin.baggage` on. Pins nothing when nobody answers.
   */
  async pin(request?: string | Carrier): Promise<Pin> {
    const baggage = baggageIn(request);
    const known = this.#settled.set && pinIn(this.#settled.set, baggage);
    if (known) return known;
    // No entity has this name: what comes back is the key's set, and what the evaluator holds of it.
    const answered = await this.#ask(Kind.GATE, '(pin)', {}, { exposure: false });
    const provenance = 'errorCode' in answered ? undefined : answered.provenance;
    return pinFor(provenance?.set, baggage, provenance?.revision ?? 0);
  }

  /** Every answer for a user; empty when nobody answers. None of them is an exposure. */
  async evaluateAll(user: User, options?: RemoteAskOptions): Promise<AllAnswers> {
    try {
      const { set } = this.#settled;
      const request = { set, user: wireUser(user, { withPrivate: true }), minRevision: options?.minRevision ?? 0 };
      const { decisions, provenance } = await this.#client.evaluateAll(
        { ...request, atRevision: 0, pinnedRevision: this.#pinOf(options) },
        { timeoutMs: this.#timeoutMs },
      );
      return allOf(decisions, provenance);
    } catch (error) {
      this.#report(error);
      return noAnswers;
    }
  }

  /** Notes that a user did something. Returns at once; never throws. */
  log(user: User, eventName: string, details: EventDetails = {}): void {
    this.#queue.offerEvent(eventName, user, details);
  }

  /** Where every event is; exposures are in the books of the evaluator. */
  books(): SourceBooks {
    return this.#queue.books;
  }

  /** @returns whether all that waited was settled in time. */
  flush({ timeoutMs = closeTimeoutMs }: Patience = {}): Promise<boolean> {
    return this.#queue.flush(timeoutMs);
  }

  async close({ timeoutMs = closeTimeoutMs }: Patience = {}): Promise<void> {
    await this.#queue.close(timeoutMs);
    this.#stream.close();
    this.#client.close();
    this.#closeIngestion();
  }

  async #valueOf(kind: Kind, name: string, user: User, options: RemoteAskOptions | undefined): Promise<ConfigAnswer> {
    const answered = await this.#ask(kind, name, user, options);
    if ('errorCode' in answered) return failedConfig(name, answered);
    return new RemoteConfig(answered.decision, answered.provenance);
  }

  async #ask(kind: Kind, name: string, user: User, options: RemoteAskOptions | undefined): Promise<Answered | Failure> {
    try {
      const response = await this.#evaluate({
        set: this.#settled.set,
        keys: [{ kind, name }],
        user: wireUser(user, { withPrivate: true }),
        minRevision: options?.minRevision ?? 0,
        isExposureDisabled: options?.exposure === false || !this.#settled.isExposing,
        atRevision: 0,
        pinnedRevision: this.#pinOf(options),
      });
      const [decision] = response.decisions;
      if (!decision) throw new SluiceError('internal', 'the evaluator sent no decision');
      return { decision, provenance: response.provenance };
    } catch (error) {
      this.#report(error);
      return { ...notReady, errorCode: 'GENERAL', detail: `Error: ${messageOf(error)}` };
    }
  }

  /** Over the stream; by a call of its own, which is repeated elsewhere if need be, when the stream breaks. */
  async #evaluate(request: Parameters<EvaluateStream['ask']>[0]): Promise<EvaluateResponse> {
    const until = performance.now() + this.#timeoutMs;
    // Which set the baggage is to pin only the server knows then, and it goes with calls alone.
    const isPinnedThere = !request.set && !request.pinnedRevision && hasPin(currentBaggage());
    if (this.#hasStream && !isPinnedThere) {
      try {
        return await this.#stream.ask(request, this.#timeoutMs);
      } catch (error) {
        const kind = error instanceof SluiceError ? error.kind : 'internal';
        if (!brokenKinds.includes(kind)) throw error;
        if (kind === 'unimplemented') this.#hasStream = false;
      }
    }
    return this.#client.evaluate(request, { timeoutMs: Math.max(until - performance.now(), 1) });
  }

  /**
   * What the question is pinned to: by its caller's word, or by the baggage of the call that is
   * being served. Said in the request, as a stream's messages carry no baggage of their own.
   */
  #pinOf(options: RemoteAskOptions | undefined): number | undefined {
    const { set } = this.#settled;
    const pin = options?.pin ?? (set && pinIn(set, currentBaggage()));
    return pin?.revision || undefined;
  }

  #report(error: unknown): void {
    this.#settled.logger.warn({ reason: messageOf(error) }, 'a question was not answered; the default was given');
  }
}

function allOf(decisions: readonly Decision[], provenance: Provenance | undefined): AllAnswers {
  const gates = new Map<string, GateAnswer>();
  const configs = new Map<string, ConfigAnswer>();
  const layers = new Map<string, LayerAnswer>();
  for (const decision of decisions) {
    if (decision.kind === Kind.GATE) gates.set(decision.name, new RemoteGate(decision, provenance));
    else if (decision.kind === Kind.LAYER) layers.set(decision.name, new RemoteLayer(decision, provenance));
    else configs.set(decision.name, new RemoteConfig(decision, provenance));
  }
  return { revision: provenance?.revision ?? 0, gates, configs, layers };
}
