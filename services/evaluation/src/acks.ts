import type { Clock, Identity, Release } from '@sluice/mesh';
import { Ack } from '@sluice/proto';
import { type Holdings, type ReplicaState, setKey } from '@sluice/replica';
import { heartbeatMs } from './limits.js';

export interface AckOptions {
  readonly identity: Identity;
  readonly holdings: Holdings;
  readonly broadcast: (subject: string, data: Uint8Array) => void;
  readonly clock: Clock;
}

/** Tells config what this evaluator answers by: on every apply, and every second in case one got lost. */
export class Acks {
  readonly #options: AckOptions;
  readonly #appliedAtMs = new Map<string, number>();

  constructor(options: AckOptions) {
    this.#options = options;
  }

  start(): Release {
    const timer = setInterval(() => {
      for (const { state, ageMs } of this.#options.holdings.all()) this.#send(state, ageMs);
    }, heartbeatMs);
    return () => clearInterval(timer);
  }

  /** `appliedAtMs`: Unix milliseconds with fractions. */
  applied(state: ReplicaState, appliedAtMs: number): void {
    this.#appliedAtMs.set(setKey(state.set), appliedAtMs);
    this.#send(state, this.#options.holdings.standing(state.set)?.ageMs ?? 0);
  }

  #send({ set, revision, stateHash, committedAtMs, lineage }: ReplicaState, ageMs: number): void {
    const { identity, clock, broadcast } = this.#options;
    const appliedAtMs = this.#appliedAtMs.get(setKey(set)) ?? clock.now();
    const { instance, region } = identity;
    const proof = { revision, stateHash: Buffer.from(stateHash), lineage };
    const ack = { set, instance, region, ...proof, committedAtMs, appliedAtMs, ageMs };
    broadcast(`ack.v1.${set.project}.${set.environment}`, Ack.encode(ack).finish());
  }
}
