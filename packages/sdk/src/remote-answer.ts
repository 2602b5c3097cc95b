import type { JsonValue } from '@sluice/engine';
import type { Decision, Provenance } from '@sluice/proto';
import {
  type Answer,
  type ConfigAnswer,
  describeAnswer,
  type ErrorCode,
  type GateAnswer,
  type LayerAnswer,
  noValues,
  type ReasonWord,
  typedMember,
  type Widened,
} from './answer.js';
import { errorCodeOf, reasonWord } from './reason.js';

/** A decision that an evaluator made, with what it said of its ruleset. */
abstract class RemoteAnswer implements Answer {
  protected readonly decision: Decision;
  readonly #provenance: Provenance | undefined;
  readonly #receivedAtMs = Date.now();

  constructor(decision: Decision, provenance: Provenance | undefined) {
    this.decision = decision;
    this.#provenance = provenance;
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
    return reasonWord(this.decision.reason);
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
    return this.#provenance?.revision ?? 0;
  }

  get ageMs(): number {
    return (this.#provenance?.ageMs ?? Number.POSITIVE_INFINITY) + Math.max(Date.now() - this.#receivedAtMs, 0);
  }

  get isStale(): boolean {
    return this.#provenance?.isStale ?? true;
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

function parseObject(json: string): Readonly<Record<string, JsonValue>> {
  try {
    const value: unknown = JSON.parse(json || '{}');
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, JsonValue>>) : noValues;
  } catch {
    return noValues;
  }
}
