import { parseAuthoring } from '@sluice/codec';
import type { Client, Logger } from '@sluice/mesh';
import type { ConfigServiceService, SetRef } from '@sluice/proto';

export const canaryGate = 'canary';
const timeoutMs = 3_000;
const againAfterMs = 3_000;

const document = `
project: sluice
gates:
  ${canaryGate}:
    rules: [{ name: everyone }]
`;

/** The set that synthetic probes use, so that they touch nobody's own; made when it is not there. */
export class CanarySet {
  readonly ref: SetRef;
  readonly #config: Client<ConfigServiceService>;
  readonly #logger: Logger;
  #isMade = false;
  #triedAtMs = Number.NEGATIVE_INFINITY;

  constructor(ref: SetRef, config: Client<ConfigServiceService>, logger: Logger) {
    this.ref = ref;
    this.#config = config;
    this.#logger = logger;
  }

  /** Whether it is there; tries to make it, now and then. */
  async isMade(): Promise<boolean> {
    const nowMs = performance.now();
    if (this.#isMade || nowMs - this.#triedAtMs < againAfterMs) return this.#isMade;
    this.#triedAtMs = nowMs;
    const request = { set: this.ref, entities: parseAuthoring(document), expectedRevision: undefined };
    const options = { reason: 'for synthetic probes', isTolerant: false, isDryRun: false, overrides: [] };
    try {
      await this.#config.importRuleset({ ...request, ...options }, { timeoutMs });
      this.#isMade = true;
    } catch (error) {
      this.#logger.warn({ reason: String(error) }, 'the canary set can not be made; probes wait for it');
    }
    return this.#isMade;
  }

  /** It is there: somebody holds it. */
  found(): void {
    this.#isMade = true;
  }
}
