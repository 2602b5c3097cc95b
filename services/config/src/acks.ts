import type { Bus } from '@sluice/bus';
import { type Instance, type Logger, type Release, watchRegions } from '@sluice/mesh';
import { Ack, type Acknowledgement, type SetRef } from '@sluice/proto';
import { setKey } from './names.js';

interface Seen {
  readonly ack: Ack;
  /** When it came, by our clock, Unix milliseconds. */
  readonly atMs: number;
}

/** Without Consul's word, an evaluator that acknowledged this recently counts as alive. */
const aliveForMs = 3_000;
const seenMax = 100_000;

/** Which evaluator holds which revision, by their own word. */
export class Acks {
  readonly #seen = new Map<string, Seen>();
  readonly #waiting = new Set<() => void>();
  #live: readonly Instance[] | undefined;

  /** Evaluators of all regions count; a region that can't be reached keeps those that it had. */
  start(bus: Bus, consulAddr: string | undefined, logger: Logger): Release {
    const unsubscribe = bus.subscribe('ack.v1.>', ({ data }) => this.#take(Ack.decode(data)));
    const onError = (reason: string): void => logger.warn({ reason }, 'evaluators can not be looked up');
    const unwatch =
      consulAddr === undefined
        ? undefined
        : watchRegions({ consulAddr, service: 'evaluation', onError }, ({ home, away }) => {
            this.#live = [...home, ...away];
            this.#wake();
          });
    return async () => {
      await unsubscribe();
      await unwatch?.();
    };
  }

  /** Waits until every live evaluator holds the revision, or the signal says to stop. */
  async wait(set: SetRef, revision: number, untilMs: number, signal: AbortSignal): Promise<Acknowledgement[]> {
    for (;;) {
      const now = this.acknowledgements(set);
      const isComplete = now.length > 0 && now.every((one) => one.revision >= revision);
      if (isComplete || signal.aborted || Date.now() >= untilMs) return now;
      await this.#change(untilMs - Date.now(), signal);
    }
  }

  /** One for each live evaluator; revision 0 for one that has said nothing of the set. */
  acknowledgements(set: SetRef): Acknowledgement[] {
    return this.#liveInstances(set).map(({ id, region }) => {
      const ack = this.#seen.get(`${id} ${setKey(set)}`)?.ack;
      const latencyMs = ack ? Math.max(0, ack.appliedAtMs - ack.committedAtMs) : 0;
      return { instance: id, region: ack?.region ?? region, revision: ack?.revision ?? 0, latencyMs };
    });
  }

  #liveInstances(set: SetRef): readonly { id: string; region: string }[] {
    if (this.#live) return this.#live.toSorted((a, b) => a.id.localeCompare(b.id));
    const recent = [...this.#seen].filter(
      ([key, { atMs }]) => key.endsWith(` ${setKey(set)}`) && Date.now() - atMs < aliveForMs,
    );
    return recent.map(([, { ack }]) => ({ id: ack.instance, region: ack.region }));
  }

  #take(ack: Ack): void {
    if (!ack.set) return;
    const key = `${ack.instance} ${setKey(ack.set)}`;
    // Newest last, so that the oldest can be forgotten when there are too many.
    this.#seen.delete(key);
    this.#seen.set(key, { ack, atMs: Date.now() });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > seenMax && oldest !== undefined) this.#seen.delete(oldest);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }

  async #change(withinMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    signal.addEventListener('abort', () => resolve(), { once: true });
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }
}
