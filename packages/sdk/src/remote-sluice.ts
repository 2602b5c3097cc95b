import { initializeToWire, kindFromWire } from '@sluice/codec';
import type { AskedKind, InitializeOptions, User } from '@sluice/engine';
import { type Decision, type Key, Kind } from '@sluice/proto';
import type { AllAnswers, ConfigAnswer, GateAnswer, LayerAnswer, ParameterStoreAnswer } from './answer.js';
import type { SourceBooks } from './books.js';
import type { ChangeListener } from './change-listeners.js';
import type { ClientResponse, Patience, SluiceClient, Status } from './client.js';
import { type Decided, Evaluator, type RemoteAskOptions } from './evaluator.js';
import { openEventQueue } from './event-client.js';
import type { EventQueue } from './event-queue.js';
import {
  type Failure,
  failedBy,
  failedConfig,
  failedGate,
  failedLayer,
  failedStore,
  messageOf,
  noAnswers,
  notReady,
} from './failed-answer.js';
import { forcedDecision } from './forced-decision.js';
import type { Heard } from './heard.js';
import { closeTimeoutMs, readyTimeoutMs, remoteTimeoutMs } from './limits.js';
import { type ConnectionOptions, positive, type Settled, settle } from './options.js';
import { Overrides } from './overrides.js';
import type { EventDetails } from './pending-event.js';
import { baggageIn, type Carrier, type Pin, pinFor, pinIn } from './pin.js';
import { RemoteConfig, RemoteGate, RemoteLayer, RemoteStore } from './remote-answer.js';

export interface RemoteSluiceOptions extends ConnectionOptions {
  /** How long a question may take, in milliseconds. 2 s unless said. */
  readonly timeoutMs?: number | undefined;
}

interface Answered {
  readonly decision: Decision;
  readonly heard: Heard | undefined;
}

/**
 * Asks an evaluator for each decision, for callers that must not hold rulesets. The same questions
 * as `Sluice` answers, as promises that never reject: when nobody answers, they give the defaults
 * with the reason `ERROR`. The evaluator logs the exposures.
 */
export class RemoteSluice implements SluiceClient<'remote'> {
  /** Answers that this process forces. */
  readonly overrides: Overrides = new Overrides();
  readonly #settled: Settled;
  readonly #evaluator: Evaluator;
  readonly #queue: EventQueue;
  readonly #closeIngestion: () => void;
  /** Exposures of parameters that were read, on their way to the evaluator. */
  readonly #reads = new Set<Promise<unknown>>();

  /** @throws SluiceError `invalid` naming an option that can't be used. */
  constructor(options: RemoteSluiceOptions) {
    this.#settled = settle(options);
    this.#evaluator = new Evaluator(this.#settled, positive('timeoutMs', options.timeoutMs, remoteTimeoutMs));
    const { queue, close } = openEventQueue(this.#settled, () => this.#settled.set);
    this.#queue = queue;
    this.#closeIngestion = close;
  }

  async ready({ timeoutMs = readyTimeoutMs }: Patience = {}): Promise<void> {
    if (this.#evaluator.heard) return;
    await this.#evaluator.waitFor(0, timeoutMs, (reason) => `No answer within ${timeoutMs} ms: ${reason}.`);
  }

  async waitForRevision(revision: number, { timeoutMs = readyTimeoutMs }: Patience = {}): Promise<void> {
    const why = (reason: string): string => `Revision ${revision} did not come within ${timeoutMs} ms: ${reason}.`;
    await this.#evaluator.waitFor(revision, timeoutMs, why);
  }

  async pin(request?: string | Carrier): Promise<Pin> {
    const baggage = baggageIn(request);
    const { set } = this.#evaluator;
    const known = set && pinIn(set, baggage);
    if (known) return known;
    try {
      const heard = await this.#evaluator.probe();
      return pinFor(heard.set, baggage, heard.revision);
    } catch (error) {
      this.#report(error);
      return pinFor(set, baggage, 0);
    }
  }

  onChange(listener: ChangeListener): () => void {
    return this.#evaluator.listen(listener);
  }

  async checkGate(name: string, user: User, options?: RemoteAskOptions): Promise<boolean> {
    return (await this.gate(name, user, options)).value;
  }

  async gate(name: string, user: User, options?: RemoteAskOptions): Promise<GateAnswer> {
    const answered = await this.#ask(Kind.GATE, name, user, options);
    if ('errorCode' in answered) return failedGate(name, answered);
    return new RemoteGate(answered.decision, answered.heard);
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
    return new RemoteLayer(answered.decision, answered.heard);
  }

  /** Who reads a parameter asks the evaluator for its source in the background, and that is the exposure. */
  async parameterStore(name: string, user: User, options?: RemoteAskOptions): Promise<ParameterStoreAnswer> {
    const answered = await this.#ask(Kind.PARAM_STORE, name, user, { ...options, exposure: false });
    if ('errorCode' in answered) return failedStore(name, answered);
    const { decision, heard } = answered;
    const isExposing = this.#settled.isExposing && options?.exposure !== false;
    return new RemoteStore(decision, heard, isExposing ? (source) => this.#expose(source, user, heard) : undefined);
  }

  /** Empty when nobody answers. */
  async evaluateAll(user: User, options?: RemoteAskOptions): Promise<AllAnswers> {
    try {
      return this.#allOf(await this.#evaluator.askAll(user, options), user);
    } catch (error) {
      this.#report(error);
      return noAnswers;
    }
  }

  async clientInitializeResponse(
    user: User,
    options: InitializeOptions & Omit<RemoteAskOptions, 'exposure'> = {},
  ): Promise<ClientResponse> {
    try {
      return JSON.parse(await this.#evaluator.initialize(initializeToWire(options), user, options)) as ClientResponse;
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  /** Undefined also when nobody answers. */
  async kindOf(name: string): Promise<AskedKind | undefined> {
    try {
      const { decisions } = await this.#evaluator.ask(Kind.UNSPECIFIED, name, {}, { exposure: false });
      return kindFromWire(decisions[0]?.kind ?? Kind.UNSPECIFIED);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  log(user: User, eventName: string, details: EventDetails = {}): void {
    this.#queue.offerEvent(eventName, user, details);
  }

  /** Exposures are in the books of the evaluator. */
  books(): SourceBooks {
    return this.#queue.books;
  }

  status(): Status {
    const { heard, problem } = this.#evaluator;
    const { revision, ageMs, isStale } = heard ?? notReady;
    const source = heard && 'network';
    return { revision, source, ageMs, isStale, isConnected: heard !== undefined && problem === undefined, problem };
  }

  async flush({ timeoutMs = closeTimeoutMs }: Patience = {}): Promise<boolean> {
    // Each of them has a deadline of its own.
    const [isSettled] = await Promise.all([this.#queue.flush(timeoutMs), ...this.#reads]);
    return isSettled;
  }

  async close({ timeoutMs = closeTimeoutMs }: Patience = {}): Promise<void> {
    await Promise.all([this.#queue.close(timeoutMs), ...this.#reads]);
    this.#evaluator.close();
    this.#closeIngestion();
  }

  async #valueOf(kind: Kind, name: string, user: User, options: RemoteAskOptions | undefined): Promise<ConfigAnswer> {
    const answered = await this.#ask(kind, name, user, options);
    if ('errorCode' in answered) return failedConfig(name, answered);
    return new RemoteConfig(answered.decision, answered.heard);
  }

  async #ask(kind: Kind, name: string, user: User, options: RemoteAskOptions | undefined): Promise<Answered | Failure> {
    try {
      const forced = forcedDecision(this.overrides.active, kind, name, user);
      if (forced) return { decision: forced, heard: this.#evaluator.heard };
      const { decisions, heard } = await this.#evaluator.ask(kind, name, user, options);
      return { decision: decisions[0] as Decision, heard };
    } catch (error) {
      this.#report(error);
      return failedBy(error, this.#evaluator.heard ?? notReady);
    }
  }

  /** By the revision that the parameter was read from. */
  #expose(source: Key, user: User, heard: Heard | undefined): void {
    const pin = { revision: heard?.revision ?? 0, baggage: '' };
    const read = this.#evaluator
      .ask(source.kind, source.name, user, { pin })
      .catch((error: unknown) => this.#report(error))
      .finally(() => this.#reads.delete(read));
    this.#reads.add(read);
  }

  #allOf({ decisions, heard }: Decided, user: User): AllAnswers {
    const gates = new Map<string, GateAnswer>();
    const configs = new Map<string, ConfigAnswer>();
    const layers = new Map<string, LayerAnswer>();
    for (const decided of decisions) {
      const { kind, name } = decided;
      const decision = forcedDecision(this.overrides.active, kind, name, user) ?? decided;
      if (kind === Kind.GATE) gates.set(name, new RemoteGate(decision, heard));
      else if (kind === Kind.LAYER) layers.set(name, new RemoteLayer(decision, heard));
      else configs.set(name, new RemoteConfig(decision, heard));
    }
    return { revision: heard.revision, gates, configs, layers };
  }

  #report(error: unknown): void {
    this.#evaluator.noteProblem(error);
    this.#settled.logger.warn({ reason: messageOf(error) }, 'a question was not answered; the default was given');
  }
}
