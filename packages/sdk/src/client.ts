import type { AskedKind, InitializeOptions, JsonValue, User } from '@sluice/engine';
import type { AllAnswers, AskOptions, ConfigAnswer, GateAnswer, LayerAnswer, ParameterStoreAnswer } from './answer.js';
import type { SourceBooks } from './books.js';
import type { ChangeListener } from './change-listeners.js';
import type { Source } from './held.js';
import type { Overrides } from './overrides.js';
import type { EventDetails } from './pending-event.js';
import type { Carrier, Pin } from './pin.js';

/** Where decisions are made: in this process, or by an evaluator that is asked. */
export type Place = 'local' | 'remote';

/** At once where decisions are made in process, a promise that never rejects where an evaluator makes them. */
export type Reply<At extends Place, Value> = At extends 'local' ? Value : Promise<Value>;

/** How long something may take, in milliseconds. */
export interface Patience {
  readonly timeoutMs?: number | undefined;
}

/** As `JSON.stringify` takes it. */
export type ClientResponse = Readonly<Record<string, JsonValue>> | undefined;

/** Where a client stands. */
export interface Status {
  /** 0 when there is no ruleset, or one that carries no revision. Remotely: what the last answer came from. */
  readonly revision: number;
  /** Always `network` remotely, once an evaluator has answered. */
  readonly source: Source | undefined;
  /** Infinite where there is no ruleset. */
  readonly ageMs: number;
  readonly isStale: boolean;
  /** Whether the stream of changes lives. Remotely: whether the last question was answered. */
  readonly isConnected: boolean;
  /** Why it does not. */
  readonly problem: string | undefined;
}

/**
 * What local and remote evaluation have in common: `Sluice` is a `SluiceClient<'local'>`, `RemoteSluice` a
 * `SluiceClient<'remote'>`, and code that awaits every answer works with either. What differs remotely, because the
 * ruleset is elsewhere:
 *
 * - Asking for a layer is the exposure, as the evaluator does not see which parameters are read.
 * - A group can't be forced by its name, only by a value; forced answers are missing in `clientInitializeResponse`.
 * - A change is noticed by the next answer, within a second while somebody listens, and does not say what changed.
 * - Sticky assignment needs the ruleset, and client documents a key that is no client key.
 * - The evaluator counts exposures; `books` has the events of this client.
 */
export interface SluiceClient<At extends Place = Place> {
  /** Answers that this process forces. */
  readonly overrides: Overrides;

  /** Resolves when questions can be answered. @throws SluiceError `deadline`, which says what is missing. */
  ready(patience?: Patience): Promise<void>;

  /**
   * Resolves when this revision, or a later one, decides: read your own writes. @throws SluiceError `deadline`.
   * Remotely one evaluator has it then; to be sure wherever a question goes, ask with `minRevision`.
   */
  waitForRevision(revision: number, patience?: Patience): Promise<void>;

  /**
   * Pins a request to one revision, so that all its questions are answered by the same ruleset,
   * here and in every service that it calls on: to the revision in its baggage, or else to the one
   * that decides now. `request`: its baggage or metadata. Ask with `{ pin }`; send `pin.baggage` on.
   */
  pin(request?: string | Carrier): Reply<At, Pin>;

  /** Calls the listener after each change of the ruleset. @returns what ends that. */
  onChange(listener: ChangeListener): () => void;

  /** Whether a gate is on for a user; false when in doubt. The fastest way to ask. */
  checkGate(name: string, user: User, options?: AskOptions): Reply<At, boolean>;

  /** A gate's answer with everything around it. */
  gate(name: string, user: User, options?: AskOptions): Reply<At, GateAnswer>;

  /** A dynamic config. Asking is an exposure. */
  config(name: string, user: User, options?: AskOptions): Reply<At, ConfigAnswer>;

  /** An experiment or autotune. Asking is an exposure. */
  experiment(name: string, user: User, options?: AskOptions): Reply<At, ConfigAnswer>;

  /** A layer. Reading a parameter is the exposure; remotely, asking. */
  layer(name: string, user: User, options?: AskOptions): Reply<At, LayerAnswer>;

  /** A parameter store. Reading a parameter is the exposure of what decided it. */
  parameterStore(name: string, user: User, options?: AskOptions): Reply<At, ParameterStoreAnswer>;

  /** Every answer for a user, to hand on to a client for instance. None of them is an exposure. */
  evaluateAll(user: User, options?: Pick<AskOptions, 'pin'>): Reply<At, AllAnswers>;

  /**
   * The document that Statsig's client SDKs start from, to serve from your own backend: every answer for a user,
   * under hidden names, in one of three formats. None of them is an exposure. Undefined when there is no ruleset.
   */
  clientInitializeResponse(
    user: User,
    options?: InitializeOptions & Pick<AskOptions, 'pin'>,
  ): Reply<At, ClientResponse>;

  /** How the entity of this name is asked for, the first of gate, config or experiment, and layer; undefined when there is none. */
  kindOf(name: string): Reply<At, AskedKind | undefined>;

  /** Notes that a user did something. Returns at once; never throws. */
  log(user: User, eventName: string, details?: EventDetails): void;

  /** Where every event is: `generated` = accepted + duplicate + rejected + dropped + inSpool + inFlight. */
  books(): SourceBooks;

  status(): Status;

  /** Sends what waits now. @returns whether all of it was settled in time. */
  flush(patience?: Patience): Promise<boolean>;

  /** Sends what waits, spools what can't be sent, then lets go of everything. */
  close(patience?: Patience): Promise<void>;
}
