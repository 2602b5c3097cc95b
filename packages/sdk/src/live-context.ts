import type { Context, CountryTable, LocalOverrides } from '@sluice/engine';
import type { SetRef } from '@sluice/proto';
import { loadCountries } from './countries.js';
import type { Overrides } from './overrides.js';
import type { Attributes } from './wire-user.js';

/**
 * What answers depend on besides the user and the ruleset. One object serves all calls, as
 * evaluation is synchronous; the clock and the dice are asked only by rules that want to know.
 */
export class LiveContext implements Context {
  environment: Readonly<Record<string, string>> | undefined = undefined;
  readonly globalCustomFields: Attributes | undefined;
  readonly #overrides: Overrides;
  #now = 0;

  constructor(overrides: Overrides, globalCustomFields: Attributes | undefined) {
    this.#overrides = overrides;
    this.globalCustomFields = globalCustomFields;
  }

  /** For the next call: it has a time of its own. */
  renew(): this {
    this.#now = 0;
    return this;
  }

  /** From here on the environment is that of this set. */
  follow(set: SetRef | undefined): void {
    this.environment = set && { tier: set.environment };
  }

  /** The same all through a call. */
  get now(): number {
    if (this.#now === 0) this.#now = Date.now();
    return this.#now;
  }

  get random(): number {
    return Math.random();
  }

  get countries(): CountryTable {
    return loadCountries();
  }

  get localOverrides(): LocalOverrides | undefined {
    return this.#overrides.active;
  }
}
