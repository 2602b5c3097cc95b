import type { JsonValue } from '@sluice/engine';
import type { ErrorCode, ParameterStoreAnswer, ReasonWord, Widened } from './answer.js';
import type { Held } from './held.js';

/** Decides one parameter. */
export type ReadParameter = <T extends JsonValue>(parameter: string, fallback: T) => Widened<T>;

/** A parameter store of one ruleset, for one user. */
export class LocalStore implements ParameterStoreAnswer {
  readonly name: string;
  readonly #held: Held;
  readonly #isKnown: boolean;
  readonly #read: ReadParameter;

  constructor(name: string, held: Held, isKnown: boolean, read: ReadParameter) {
    this.name = name;
    this.#held = held;
    this.#isKnown = isKnown;
    this.#read = read;
  }

  get reason(): ReasonWord {
    if (!this.#isKnown) return 'ERROR';
    return this.#held.isStale ? 'STALE' : 'STATIC';
  }

  get errorCode(): ErrorCode | undefined {
    return this.#isKnown ? undefined : 'FLAG_NOT_FOUND';
  }

  get detail(): string {
    return this.#isKnown ? 'Recognized' : 'Unrecognized';
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

  get<T extends JsonValue>(parameter: string, fallback: T): Widened<T> {
    return this.#read(parameter, fallback);
  }
}
