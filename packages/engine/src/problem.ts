/** Something in a ruleset that its author should know about. */
export interface Problem {
  /** Where, such as `gates.checkout.rules[2].conditions[0]`. */
  readonly path: string;
  readonly message: string;
  /**
   * `error`: cannot be evaluated sensibly, an authoring service should refuse it. `lost`: the reference tolerates it,
   * as something else than what is written; only an import of what it tolerates should. `warning`: worth a look.
   */
  readonly severity: 'error' | 'lost' | 'warning';
}
