import type { Client, Clock } from '@sluice/mesh';
import type { EvaluationServiceService, RulesetServiceService, SetState } from '@sluice/proto';
import type { CanarySet } from './canary-set.js';
import { canaryRequest } from './evaluate-probe.js';
import { latenessOf } from './lateness.js';
import { reasonOf } from './probe.js';
import type { RegionClients } from './region-clients.js';
import type { Member } from './roster.js';

const configTimeoutMs = 1_500;
const evaluateTimeoutMs = 2_000;
/** One answer of config does for the probes of all regions, in milliseconds. */
const sharedForMs = 500;

export interface RevisionProbeOptions {
  readonly set: Pick<CanarySet, 'ref'>;
  readonly config: Pick<Client<RulesetServiceService>, 'listSets'>;
  readonly evaluators: RegionClients<EvaluationServiceService>;
  /** Whether the region's evaluators had the canary set at least once. */
  readonly hasReached: (region: string) => boolean;
  readonly members: () => readonly Member[];
  readonly clock: Clock;
}

/** Reads the newest revisions from config, and asks whether a region answers from them. */
export class RevisionProbe {
  readonly #options: RevisionProbeOptions;
  #answer: Promise<readonly SetState[]> | undefined;
  #askedMs = 0;

  constructor(options: RevisionProbeOptions) {
    this.#options = options;
  }

  /** @returns why it is bad; empty when it is good; undefined when it does not count. */
  async look(region: string): Promise<string | undefined> {
    const { evaluators, members, clock } = this.#options;
    if (!evaluators.isKnown(region)) return undefined;
    const newest = await this.#read().catch(reasonOf);
    if (typeof newest === 'string') return `revision: config can't be asked: ${newest}`;
    const late = latenessOf(members(), newest, region, clock.now());
    if (late !== undefined) return `revision: ${late}`;
    return this.#evaluate(region, newest);
  }

  /** An evaluation that has to come from config's newest revision of the canary set. */
  async #evaluate(region: string, newest: readonly SetState[]): Promise<string> {
    const { set, evaluators, hasReached } = this.#options;
    const { project, environment } = set.ref;
    const canary = newest.find((one) => one.set?.project === project && one.set.environment === environment);
    const client = evaluators.at(region);
    if (!canary || !client || !hasReached(region)) return '';
    const request = canaryRequest(set.ref, canary.revision);
    const { provenance } = await client.evaluate(request, { timeoutMs: evaluateTimeoutMs });
    return (provenance?.revision ?? 0) >= canary.revision
      ? ''
      : 'revision: an evaluation came from an older revision than was asked for';
  }

  #read(): Promise<readonly SetState[]> {
    const nowMs = performance.now();
    if (this.#answer === undefined || nowMs - this.#askedMs >= sharedForMs) {
      this.#askedMs = nowMs;
      this.#answer = this.#options.config.listSets({}, { timeoutMs: configTimeoutMs }).then(({ sets }) => sets);
    }
    return this.#answer;
  }
}
