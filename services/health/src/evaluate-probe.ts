import { userFromJson } from '@sluice/codec';
import { type Clock, SluiceError } from '@sluice/mesh';
import { EvaluateRequest, type EvaluationServiceService, Kind, type SetRef } from '@sluice/proto';
import { type CanarySet, canaryGate } from './canary-set.js';
import type { RegionClients } from './region-clients.js';

const timeoutMs = 900;
/** A canary set that was just made has come to evaluators by then. */
const arrivesWithinMs = 10_000;

export interface EvaluateProbeOptions {
  readonly set: Pick<CanarySet, 'ref' | 'isMade'>;
  readonly evaluators: RegionClients<EvaluationServiceService>;
  readonly clock: Clock;
}

/** Evaluates a gate whose answer is known. */
export class EvaluateProbe {
  readonly #options: EvaluateProbeOptions;
  /** By region, until when its evaluators may not have the canary set; 0 once one of them had it. */
  readonly #reached = new Map<string, number>();

  constructor(options: EvaluateProbeOptions) {
    this.#options = options;
  }

  /** Whether evaluators of the region had the canary set at least once. */
  hasReached(region: string): boolean {
    return this.#reached.get(region) === 0;
  }

  /** @returns why it is bad; empty when it is good; undefined when it does not count. */
  async look(region: string): Promise<string | undefined> {
    const { set, evaluators } = this.#options;
    if (!evaluators.isKnown(region) || !(await set.isMade())) return undefined;
    const client = evaluators.at(region);
    if (!client) return 'evaluate: no evaluator is in Consul';
    try {
      const { decisions } = await client.evaluate(canaryRequest(set.ref), { timeoutMs });
      const [decision] = decisions;
      this.#reached.set(region, 0);
      return decision?.gateValue === true ? '' : `evaluate: the canary gate answers ${decision?.detail || 'false'}`;
    } catch (error) {
      if (error instanceof SluiceError && error.kind === 'not_found' && this.#isOnItsWay(region)) return undefined;
      throw error;
    }
  }

  /** The canary set was made a moment ago: evaluators may not have heard of it. */
  #isOnItsWay(region: string): boolean {
    const nowMs = this.#options.clock.now();
    const untilMs = this.#reached.get(region) ?? nowMs + arrivesWithinMs;
    this.#reached.set(region, untilMs);
    return nowMs < untilMs;
  }
}

/** Asks for the canary gate; from `minRevision` on when it is given. */
export function canaryRequest(set: SetRef, minRevision = 0): EvaluateRequest {
  return EvaluateRequest.create({
    set,
    keys: [{ kind: Kind.GATE, name: canaryGate }],
    user: userFromJson({ userID: 'canary' }),
    isExposureDisabled: true,
    minRevision,
  });
}
