import {
  type AskedKind,
  evaluateConfig,
  evaluateGate,
  evaluateLayer,
  evaluateParameter,
  type InitializeOptions,
  initializeResponse,
  type JsonValue,
  kindOf,
  type ParameterDecision,
  type User,
} from '@sluice/engine';
import { Disk, type ReplicaState } from '@sluice/replica';
import {
  type AllAnswers,
  type AskOptions,
  type ConfigAnswer,
  fits,
  type GateAnswer,
  type LayerAnswer,
  type ParameterStoreAnswer,
  type Widened,
} from './answer.js';
import type { SourceBooks } from './books.js';
import { readBootstrap } from './bootstrap.js';
import type { ChangeListener } from './change-listeners.js';
import type { ClientResponse, Patience, SluiceClient, Status } from './client.js';
import { loadCountries } from './countries.js';
import { openEventQueue } from './event-client.js';
import type { EventQueue } from './event-queue.js';
import { Exposures } from './exposures.js';
import {
  type Failure,
  failedBy,
  failedConfig,
  failedGate,
  failedLayer,
  failedStore,
  noAnswers,
  notReady,
} from './failed-answer.js';
import { Held } from './held.js';
import { Holder } from './holder.js';
import { stateOnDisk } from './last-known-good.js';
import { closeTimeoutMs, readyTimeoutMs } from './limits.js';
import { LiveContext } from './live-context.js';
import { answerAll } from './local-all.js';
import { LocalConfig, LocalGate, LocalLayer, type OnRead } from './local-answer.js';
import { LocalStore } from './local-store.js';
import { type Settled, type SluiceOptions, settle } from './options.js';
import { Overrides } from './overrides.js';
import type { EventDetails } from './pending-event.js';
import { baggageIn, type Carrier, type Pin, pinFor } from './pin.js';
import { RulesetStream } from './ruleset-stream.js';
import { Sticky, type StickyAskOptions, type StickyValues } from './sticky.js';

/**
 * Decides in process, from a ruleset that it keeps up to date in the background. Questions are
 * answered at once and never throw, whatever is dead; every answer says how old its ruleset is.
 */
export class Sluice implements SluiceClient<'local'> {
  /** Answers that this process forces. */
  readonly overrides: Overrides = new Overrides();
  readonly #settled: Settled;
  readonly #holder: Holder;
  readonly #context: LiveContext;
  readonly #disk: Disk | undefined;
  readonly #stream: RulesetStream;
  readonly #queue: EventQueue;
  readonly #closeIngestion: () => void;
  readonly #exposures: Exposures | undefined;
  readonly #sticky: Sticky | undefined;
  readonly #started: Promise<void>;
  #closing: Promise<void> | undefined;

  /**
   * Starts in the background; `ready` tells when there is something to answer from.
   * @throws SluiceError `invalid` naming an option that can't be used, the bootstrap included.
   */
  constructor(options: SluiceOptions) {
    const settled = settle(options);
    this.#settled = settled;
    this.#holder = new Holder(settled.logger);
    this.#context = new LiveContext(this.overrides, settled.globalCustomFields);
    this.#holder.listen(() => this.#context.follow(this.#holder.current?.set ?? settled.set));
    if (options.bootstrap !== undefined) this.#holder.put(readBootstrap(options.bootstrap, settled.staleAfterMs));
    this.#disk = options.stateDir ? new Disk({ directory: options.stateDir, logger: settled.logger }) : undefined;
    const { queue, close } = openEventQueue(settled, () => this.#holder.current?.set ?? settled.set);
    this.#queue = queue;
    this.#closeIngestion = close;
    this.#sticky = options.stickyStorage && new Sticky(options.stickyStorage, settled.logger);
    this.#exposures = settled.isExposing ? new Exposures(queue) : undefined;
    this.#stream = new RulesetStream({
      ...settled,
      holder: this.#holder,
      onApplied: (state) => this.#disk?.save(state),
      onConfirmed: (set, atMs) => this.#disk?.freshen(set, atMs),
    });
    this.#started = this.#start().catch((error: unknown) => this.#report(error));
  }

  /** Resolves when there is a ruleset, wherever from. @throws SluiceError `deadline`, which says what is missing. */
  async ready({ timeoutMs = readyTimeoutMs }: Patience = {}): Promise<void> {
    await this.#holder.waitFor(0, timeoutMs, () => `No ruleset within ${timeoutMs} ms: ${this.#whyNot()}.`);
  }

  /** Resolves when this revision, or a later one, decides here: read your own writes. @throws SluiceError `deadline`. */
  async waitForRevision(revision: number, { timeoutMs = readyTimeoutMs }: Patience = {}): Promise<void> {
    await this.#holder.waitFor(revision, timeoutMs, () => {
      const held = this.#holder.current?.revision ?? 0;
      return `Revision ${revision} did not come within ${timeoutMs} ms, revision ${held} is held: ${this.#whyNot()}.`;
    });
  }

  /**
   * Pins a request to one revision, so that all its questions are answered by the same ruleset,
   * here and in every service that it calls on: to the revision in its baggage, or else to the one
   * held now. `request`: its baggage or metadata. Ask with `{ pin }`; send `pin.baggage` on.
   */
  pin(request?: string | Carrier): Pin {
    const { current } = this.#holder;
    return pinFor(current?.set ?? this.#settled.set, baggageIn(request), current?.revision ?? 0);
  }

  /** Calls the listener after each change of the ruleset. @returns what ends that. */
  onChange(listener: ChangeListener): () => void {
    return this.#holder.listen(listener);
  }

  /** Whether a gate is on for a user; false when in doubt. The fastest way to ask. */
  checkGate(name: string, user: User, options?: AskOptions): boolean {
    const held = options?.pin === undefined ? this.#holder.current : this.#heldFor(options);
    if (held === undefined) return false;
    try {
      const decision = evaluateGate(held.program, name, user, this.#context.renew());
      if (options?.exposure !== false) this.#exposures?.gate(decision, user, held.revision);
      return decision.value;
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  /** A gate's answer with everything around it. */
  gate(name: string, user: User, options?: AskOptions): GateAnswer {
    const held = this.#heldFor(options);
    if (held === undefined) return failedGate(name, this.#notHeld(options));
    try {
      const decision = evaluateGate(held.program, name, user, this.#context.renew());
      if (options?.exposure !== false) this.#exposures?.gate(decision, user, held.revision);
      return new LocalGate(decision, held);
    } catch (error) {
      this.#report(error);
      return failedGate(name, failedBy(error, held));
    }
  }

  /** A dynamic config. Asking is an exposure. */
  config(name: string, user: User, options?: AskOptions): ConfigAnswer {
    return this.#valueOf('config', name, user, options);
  }

  /** An experiment or autotune. Asking is an exposure. */
  experiment(name: string, user: User, options?: StickyAskOptions): ConfigAnswer {
    return this.#valueOf('experiment', name, user, options);
  }

  /** A layer. Reading a parameter is the exposure. */
  layer(name: string, user: User, options?: StickyAskOptions): LayerAnswer {
    const held = this.#heldFor(options);
    if (held === undefined) return failedLayer(name, this.#notHeld(options));
    try {
      const context = this.#context.renew();
      const decision =
        this.#sticky?.layer(held.program, name, user, context, options) ??
        evaluateLayer(held.program, name, user, context);
      return new LocalLayer(decision, held, this.#onLayerRead(held, user, options));
    } catch (error) {
      this.#report(error);
      return failedLayer(name, failedBy(error, held));
    }
  }

  /**
   * What is stored of the groups that a user's unit keeps, to ask experiments and layers of that id type with, as
   * `{ userPersistedValues }`. Null, which leaves the storage alone, when it does not answer. Never rejects.
   */
  loadSticky(user: User, idType = 'userID'): Promise<StickyValues | null> {
    return this.#sticky?.load(user, idType) ?? Promise.resolve(null);
  }

  /** A parameter store. Reading a parameter decides it, and is the exposure of what decided. */
  parameterStore(name: string, user: User, options?: AskOptions): ParameterStoreAnswer {
    const held = this.#heldFor(options);
    if (held === undefined) return failedStore(name, this.#notHeld(options));
    const isKnown = held.program.ruleset.paramStores.has(name);
    return new LocalStore(name, held, isKnown, (parameter, fallback) =>
      this.#parameter(held, name, parameter, fallback, user, options),
    );
  }

  /** Every answer for a user, to hand on to a client for instance. None of them is an exposure. */
  evaluateAll(user: User, options?: Pick<AskOptions, 'pin'>): AllAnswers {
    const held = this.#heldFor(options);
    if (held === undefined) return noAnswers;
    try {
      return answerAll(held, user, this.#context.renew());
    } catch (error) {
      this.#report(error);
      return noAnswers;
    }
  }

  /**
   * The document that Statsig's client SDKs start from, to serve from your own backend: every answer for a user,
   * under hidden names, in one of three formats. None of them is an exposure. Undefined when there is no ruleset.
   */
  clientInitializeResponse(user: User, options?: InitializeOptions & Pick<AskOptions, 'pin'>): ClientResponse {
    const held = this.#heldFor(options);
    if (held === undefined) return undefined;
    try {
      return initializeResponse(held.program, user, this.#context.renew(), options);
    } catch (error) {
      this.#report(error);
      return undefined;
    }
  }

  /** Notes that a user did something. Returns at once; never throws. */
  log(user: User, eventName: string, details: EventDetails = {}): void {
    this.#queue.offerEvent(eventName, user, details);
  }

  /** Where every exposure and event is: `generated` = accepted + duplicate + rejected + dropped + inSpool + inFlight. */
  books(): SourceBooks {
    return this.#queue.books;
  }

  status(): Status {
    const { current: held } = this.#holder;
    const { isConnected, problem } = this.#stream;
    const { revision, ageMs, isStale } = held ?? notReady;
    return { revision, source: held?.source, ageMs, isStale, isConnected, problem };
  }

  /** How the entity of this name is asked for, the first of gate, config or experiment, and layer; undefined when there is none. */
  kindOf(name: string): AskedKind | undefined {
    const program = this.#holder.current?.program;
    return program && kindOf(program, name);
  }

  /** Sends what waits now. @returns whether all of it was settled in time. */
  async flush({ timeoutMs = closeTimeoutMs }: Patience = {}): Promise<boolean> {
    const settled = await Promise.all([this.#queue.flush(timeoutMs), this.#sticky?.settle(timeoutMs)]);
    return !settled.includes(false);
  }

  /** Sends what waits, spools what can't be sent, then lets go of everything. Questions are answered even afterwards, from what is held. */
  close({ timeoutMs = closeTimeoutMs }: Patience = {}): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #start(): Promise<void> {
    // The table of countries is read before somebody waits for an answer.
    loadCountries();
    if (this.#disk) this.#takeFromDisk(await stateOnDisk(this.#disk, this.#settled));
    if (!this.#closing) this.#stream.start();
  }

  /** What is on disk gives way only to a bootstrap of a later revision. */
  #takeFromDisk(found: { state: ReplicaState; freshAtMs: number } | undefined): void {
    const { current } = this.#holder;
    if (!found || (current && current.revision > found.state.revision)) return;
    this.#holder.put(new Held(found.state, 'disk', found.freshAtMs, this.#settled.staleAfterMs));
  }

  async #close(timeoutMs: number): Promise<void> {
    await this.#started;
    this.#exposures?.close();
    await Promise.all([this.#stream.close(), this.#queue.close(timeoutMs), this.#sticky?.settle(timeoutMs)]);
    this.#closeIngestion();
    await this.#disk?.close();
  }

  #valueOf(kind: 'config' | 'experiment', name: string, user: User, options?: StickyAskOptions): ConfigAnswer {
    const held = this.#heldFor(options);
    if (held === undefined) return failedConfig(name, this.#notHeld(options));
    try {
      const context = this.#context.renew();
      const sticky = kind === 'experiment' ? this.#sticky : undefined;
      const decision =
        sticky?.experiment(held.program, name, user, context, options) ??
        evaluateConfig(held.program, name, user, context, kind);
      if (options?.exposure !== false) this.#exposures?.config(decision, user, held.revision);
      return new LocalConfig(decision, held);
    } catch (error) {
      this.#report(error);
      return failedConfig(name, failedBy(error, held));
    }
  }

  #onLayerRead(held: Held, user: User, options: AskOptions | undefined): OnRead | undefined {
    const exposures = this.#exposures;
    if (options?.exposure === false || !exposures) return undefined;
    return (decision, parameter) => {
      try {
        exposures.layer(decision, parameter, user, held.revision);
      } catch (error) {
        this.#report(error);
      }
    };
  }

  #parameter<T extends JsonValue>(
    held: Held,
    store: string,
    parameter: string,
    fallback: T,
    user: User,
    options: AskOptions | undefined,
  ): Widened<T> {
    try {
      const decided = evaluateParameter(held.program, store, parameter, user, this.#context.renew());
      const isSeen = fits(decided.value, fallback);
      if (options?.exposure !== false) this.#exposeSource(decided, isSeen, user, held.revision);
      return (isSeen ? decided.value : fallback) as Widened<T>;
    } catch (error) {
      this.#report(error);
      return fallback as Widened<T>;
    }
  }

  /** As if the source had been asked directly: of a layer, only a parameter that is seen counts. */
  #exposeSource({ source, layerParameter }: ParameterDecision, isSeen: boolean, user: User, revision: number): void {
    if (source === null) return;
    if (source.kind === 'gate') this.#exposures?.gate(source, user, revision);
    else if (source.kind !== 'layer') this.#exposures?.config(source, user, revision);
    else if (isSeen) this.#exposures?.layer(source, layerParameter ?? '', user, revision);
  }

  #heldFor(options: Pick<AskOptions, 'pin'> | undefined): Held | undefined {
    const revision = options?.pin?.revision ?? 0;
    return revision === 0 ? this.#holder.current : this.#holder.at(revision);
  }

  #notHeld(options: AskOptions | undefined): Failure {
    const { current, oldestRevision } = this.#holder;
    if (current === undefined) return notReady;
    const held = `revisions ${oldestRevision} to ${current.revision} are held`;
    return failedBy(new Error(`the request is pinned to revision ${options?.pin?.revision}; ${held}`), current);
  }

  #whyNot(): string {
    if (this.#closing) return 'the client is closed';
    return this.#stream.problem ?? `${this.#settled.connection.target} has sent nothing yet`;
  }

  /** Callers in plain JavaScript may hand over users that are none. */
  #report(error: unknown): void {
    this.#settled.logger.error({ err: error }, 'a question could not be answered; the default was given');
  }
}
