import { type Context, type Decision, evaluateAll, type User } from '@sluice/engine';
import type { AllAnswers } from './answer.js';
import type { Held } from './held.js';
import { LocalConfig, LocalGate, LocalLayer } from './local-answer.js';

/** Every decision of a ruleset for one user, as answers; what is known about the user is worked out once. */
export function answerAll(held: Held, user: User, context: Context): AllAnswers {
  const { gates, configs, layers } = evaluateAll(held.program, user, context);
  return {
    revision: held.revision,
    gates: new Answers(gates, (decision) => new LocalGate(decision, held)),
    configs: new Answers(configs, (decision) => new LocalConfig(decision, held)),
    layers: new Answers(layers, (decision) => new LocalLayer(decision, held, undefined)),
  };
}

/** Decisions that have been made, as answers: those are put around them when somebody looks. */
class Answers<Decided extends Decision, Answer> implements ReadonlyMap<string, Answer> {
  readonly #decisions: ReadonlyMap<string, Decided>;
  readonly #answer: (decision: Decided) => Answer;

  constructor(decisions: ReadonlyMap<string, Decided>, answer: (decision: Decided) => Answer) {
    this.#decisions = decisions;
    this.#answer = answer;
  }

  get size(): number {
    return this.#decisions.size;
  }

  get(name: string): Answer | undefined {
    const decision = this.#decisions.get(name);
    return decision && this.#answer(decision);
  }

  has(name: string): boolean {
    return this.#decisions.has(name);
  }

  keys(): MapIterator<string> {
    return this.#decisions.keys();
  }

  *values(): MapIterator<Answer> {
    for (const decision of this.#decisions.values()) yield this.#answer(decision);
  }

  *entries(): MapIterator<[string, Answer]> {
    for (const [name, decision] of this.#decisions) yield [name, this.#answer(decision)];
  }

  [Symbol.iterator](): MapIterator<[string, Answer]> {
    return this.entries();
  }

  forEach(visit: (answer: Answer, name: string, map: ReadonlyMap<string, Answer>) => void): void {
    for (const [name, answer] of this.entries()) visit(answer, name, this);
  }
}
