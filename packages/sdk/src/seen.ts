import { textOf, type User } from '@sluice/engine';

/**
 * The exposures of one entity that were sent lately: by unit, the rule that was shown, apart for
 * each value. Asking costs a lookup and makes nothing: it is on the path of every check.
 */
export class Seen {
  readonly #on = new Map<string, string>();
  readonly #off = new Map<string, string>();
  #idType: string | undefined = undefined;
  #lowered = '';
  #isUser = true;

  /** The unit's id under the entity's id type, as bucketing looks it up; empty where the user has none. */
  unitOf(user: User, idType: string): string {
    if (idType !== this.#idType) this.#learn(idType);
    if (this.#isUser && typeof user.userID === 'string') return user.userID;
    return textOf(this.#isUser ? user.userID : this.#customId(user)) ?? '';
  }

  has(unit: string, isOn: boolean, ruleID: string): boolean {
    return (isOn ? this.#on : this.#off).get(unit) === ruleID;
  }

  /** @returns whether one more is remembered now. */
  add(unit: string, isOn: boolean, ruleID: string): boolean {
    const rules = isOn ? this.#on : this.#off;
    const before = rules.size;
    rules.set(unit, ruleID);
    return rules.size > before;
  }

  #learn(idType: string): void {
    this.#idType = idType;
    this.#lowered = idType.toLowerCase();
    this.#isUser = this.#lowered === 'userid' || idType === '';
  }

  #customId({ customIDs }: User): unknown {
    if (!customIDs) return '';
    const exact = this.#idType ?? '';
    if (Object.hasOwn(customIDs, exact)) return customIDs[exact];
    return Object.hasOwn(customIDs, this.#lowered) ? customIDs[this.#lowered] : '';
  }
}
