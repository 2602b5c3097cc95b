import type { JsonValue } from '@sluice/engine';
import { type Decision, type Key, Kind } from '@sluice/proto';
import {
  type Answer,
  type ConfigAnswer,
  describeAnswer,
  type ErrorCode,
  fits,
  type GateAnswer,
  type LayerAnswer,
  memberOf,
  noValues,
  type ParameterStoreAnswer,
  type ReasonWord,
  typed,
  typedMember,
  type Widened,
} from './answer.js';
import type { Heard } from './heard.js';
import { errorCodeOf, reasonWord } from './reason.js';

/** A decision that an evaluator made, with what it said of its ruleset. */
abstract class RemoteAnswer implements Answer {
  protected readonly decision: Decision;
  readonly #heard: Heard | undefined;

  /** `heard` is undefined for forced answers before anything was heard. */
  constructor(decision: Decision, heard: Heard | undefined) {
    this.decision = decision;
    this.#heard = heard;
  }

  abstract get value(): unknown;

  get name(): string {
    return this.decision.name;
  }

  get ruleID(): string {
    return this.decision.ruleId;
  }

  get groupName(): string | null {
    return this.decision.groupName || null;
  }

  get reason(): ReasonWord {
    const reason = reasonWord(this.decision.reason);
    return reason !== 'ERROR' && this.#heard?.isStale ? 'STALE' : reason;
  }

  get errorCode(): ErrorCode | undefined {
    return errorCodeOf(this.decision.reason, this.decision.error);
  }

  get detail(): string {
    return this.decision.detail;
  }

  get version(): number | null {
    return this.decision.version ?? null;
  }

  get revision(): number {
    return this.#heard?.revision ?? 0;
  }

  get ageMs(): number {
    return this.#heard?.ageMs ?? Number.POSITIVE_INFINITY;
  }

  get isStale(): boolean {
    return this.#heard?.isStale ?? true;
  }

  toJSON(): Record<string, unknown> {
    return describeAnswer(this);
  }
}

export class RemoteGate extends RemoteAnswer implements GateAnswer {
  get value(): boolean {
    return this.decision.gateValue;
  }
}

export class RemoteConfig extends RemoteAnswer implements ConfigAnswer {
  #parsed: Readonly<Record<string, JsonValue>> | undefined;

  get value(): Readonly<Record<string, JsonValue>> {
    this.#parsed ??= parseObject(this.decision.valueJson);
    return this.#parsed;
  }

  get<T extends JsonValue>(parameter: string, fallback: T): Widened<T> {
    return typedMember(this.value, parameter, fallback);
  }
}

export class RemoteLayer extends RemoteConfig implements LayerAnswer {
  get allocatedExperiment(): string | null {
    return this.decision.allocatedExperiment || null;
  }
}

/** A parameter store; whoever reads a parameter is told to have seen its source. */
export class RemoteStore extends RemoteConfig implements ParameterStoreAnswer {
  readonly #onRead: ((source: Key) => void) | undefined;
  readonly #read = new Set<string>();

  constructor(decision: Decision, heard: Heard | undefined, onRead: ((source: Key) => void) | undefined) {
    super(decision, heard);
    this.#onRead = onRead;
  }

  override get<T extends JsonValue>(parameter: string, fallback: T): Widened<T> {
    const value = memberOf(this.value, parameter);
    if (this.#onRead && !this.#read.has(parameter)) this.#expose(parameter, fits(value, fallback));
    return typed(value, fallback);
  }

  /** As if the source had been asked directly: of a layer, only a parameter that is seen counts. */
  #expose(parameter: string, isSeen: boolean): void {
    const source = this.decision.parameterSources.find((candidate) => candidate.parameter === parameter)?.source;
    if (!source || (source.kind === Kind.LAYER && !isSeen)) return;
    this.#read.add(parameter);
    this.#onRead?.(source);
  }
}

function parseObject(json: string): Readonly<Record<string, JsonValue>> {
  try {
    const value: unknown = JSON.parse(json || '{}');
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, JsonValue>>) : noValues;
  } catch {
    return noValues;
  }
}
