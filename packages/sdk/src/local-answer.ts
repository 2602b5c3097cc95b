import { openFeatureReason } from '@sluice/codec';
import type { ConfigDecision, Decision, GateDecision, JsonValue, LayerDecision } from '@sluice/engine';
import {
  type Answer,
  type ConfigAnswer,
  describeAnswer,
  type ErrorCode,
  fits,
  type GateAnswer,
  type LayerAnswer,
  memberOf,
  type ReasonWord,
  typedMember,
  type Widened,
} from './answer.js';
import type { Held } from './held.js';
import { reasonWord } from './reason.js';

/** A decision with its ruleset. What few callers ask for is worked out when they do. */
abstract class LocalAnswer<Decided extends Decision> implements Answer {
  protected readonly decision: Decided;
  readonly #held: Held;

  constructor(decision: Decided, held: Held) {
    this.decision = decision;
    this.#held = held;
  }

  abstract get value(): unknown;

  get name(): string {
    return this.decision.name;
  }

  get ruleID(): string {
    return this.decision.ruleID;
  }

  get groupName(): string | null {
    return this.decision.groupName;
  }

  get reason(): ReasonWord {
    const reason = reasonWord(openFeatureReason(this.decision, this.#held.program.ruleset));
    return reason !== 'ERROR' && this.#held.isStale ? 'STALE' : reason;
  }

  get errorCode(): ErrorCode | undefined {
    const { reason } = this.decision;
    if (reason === 'Unrecognized') return 'FLAG_NOT_FOUND';
    if (reason === 'Unsupported') return 'UNSUPPORTED';
    return reason.startsWith('Error') ? 'GENERAL' : undefined;
  }

  get detail(): string {
    return this.decision.reason;
  }

  get version(): number | null {
    return this.decision.version;
  }

  get revision(): number {
    return this.#held.revision;
  }

  get ageMs(): number {
    return this.#held.ageMs;
  }

  get isStale(): boolean {
    return this.#held.isStale;
  }

  toJSON(): Record<string, unknown> {
    return describeAnswer(this);
  }
}

export class LocalGate extends LocalAnswer<GateDecision> implements GateAnswer {
  get value(): boolean {
    return this.decision.value;
  }
}

export class LocalConfig extends LocalAnswer<ConfigDecision> implements ConfigAnswer {
  get value(): Readonly<Record<string, JsonValue>> {
    return this.decision.value;
  }

  get<T extends JsonValue>(parameter: string, fallback: T): Widened<T> {
    return typedMember(this.value, parameter, fallback);
  }
}

/** Told when a parameter of a layer is read. */
export type OnRead = (decision: LayerDecision, parameter: string) => void;

export class LocalLayer extends LocalAnswer<LayerDecision> implements LayerAnswer {
  readonly #onRead: OnRead | undefined;

  constructor(decision: LayerDecision, held: Held, onRead: OnRead | undefined) {
    super(decision, held);
    this.#onRead = onRead;
  }

  get value(): Readonly<Record<string, JsonValue>> {
    return this.decision.value;
  }

  get allocatedExperiment(): string | null {
    return this.decision.allocatedExperiment;
  }

  get<T extends JsonValue>(parameter: string, fallback: T): Widened<T> {
    const value = memberOf(this.decision.value, parameter);
    // Where the fallback is given nothing of the experiment was seen.
    if (!fits(value, fallback)) return fallback as Widened<T>;
    this.#onRead?.(this.decision, parameter);
    return value as Widened<T>;
  }
}
