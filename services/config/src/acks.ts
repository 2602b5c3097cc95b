import { equalHashes } from '@sluice/codec';
import { exhausted, type Instance, type Logger, type Release, watchRegions } from '@sluice/mesh';
import { Ack, type Acknowledgement, type SetRef } from '@sluice/proto';
import { compareLineage } from '@sluice/replica';
import { Bell } from './bell.js';
import { setKey } from './names.js';

interface Seen {
  readonly ack: Ack;
  /** When it came, by our clock, Unix milliseconds. */
  readonly atMs: number;
}

/** Where acks are said: the bus. */
interface AckSource {
  subscribe(subject: string, onMessage: (message: { readonly data: Uint8Array }) => void): Release;
}

/** A revision to wait for, and the history that it is part of: numbers alone also fit a history that is gone. */
export interface Wanted {
  readonly set: SetRef;
  readonly revision: number;
  readonly lineage: string | undefined;
  /** The state hash of a revision; undefined when the history has no such revision. */
  readonly hashAt: (revision: number) => Promise<Uint8Array | undefined>;
}

/** Without Consul's word, an evaluator that acknowledged this recently counts as alive. */
const aliveForMs = 3_000;
const seenMax = 100_000;
const waitersMax = 10_000;

/** Which evaluator holds which revision, by their own word. */
export class Acks {
  readonly #seen = new Map<string, Seen>();
  /** Who waits, by set. */
  readonly #waiting = new Map<string, Set<Bell>>();
  #waiters = 0;
  #live: readonly Instance[] | undefined;

  /** Evaluators of all regions count; a region that can't be reached keeps those that it had. */
  start(bus: AckSource, consulAddr: string | undefined, logger: Logger): Release {
    const unsubscribe = bus.subscribe('ack.v1.>', ({ data }) => this.#take(Ack.decode(data)));
    const onError = (reason: string): void => logger.warn({ reason }, 'evaluators can not be looked up');
    const unwatch =
      consulAddr === undefined
        ? undefined
        : watchRegions({ consulAddr, service: 'evaluation', onError }, ({ home, away }) => {
            this.#live = [...home, ...away];
            for (const key of this.#waiting.keys()) this.#wake(key);
          });
    return async () => {
      await unsubscribe();
      await unwatch?.();
    };
  }

  /**
   * Waits until every live evaluator holds the revision, or the signal says to stop.
   * @throws SluiceError `exhausted` when too many wait.
   */
  async wait(wanted: Wanted, untilMs: number, signal: AbortSignal): Promise<Acknowledgement[]> {
    const bell = new Bell(signal);
    const leave = this.#enter(setKey(wanted.set), bell);
    try {
      for (;;) {
        const now = await this.acknowledgements(wanted);
        if (isComplete(now, wanted.revision) || signal.aborted || Date.now() >= untilMs) return now;
        await bell.wait(untilMs - Date.now());
      }
    } finally {
      leave();
      bell.close();
    }
  }

  /** One for each live evaluator; revision 0 for one that has said nothing of the set. */
  acknowledgements(wanted: Wanted): Promise<Acknowledgement[]> {
    const { set } = wanted;
    return Promise.all(
      this.#liveInstances(set).map(async ({ id, region }) => {
        const ack = this.#seen.get(`${id} ${setKey(set)}`)?.ack;
        const latencyMs = ack ? Math.max(0, ack.appliedAtMs - ack.committedAtMs) : 0;
        const isForeign = ack !== undefined && !(await isOfHistory(ack, wanted));
        return { instance: id, region: ack?.region ?? region, revision: ack?.revision ?? 0, latencyMs, isForeign };
      }),
    );
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
    this.#wake(setKey(ack.set));
  }

  #wake(key: string): void {
    for (const bell of this.#waiting.get(key) ?? []) bell.ring();
  }

  #enter(key: string, bell: Bell): () => void {
    if (this.#waiters >= waitersMax) throw exhausted('Too many calls wait for revisions.', 1_000);
    const bells = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, bells.add(bell));
    this.#waiters++;
    return () => {
      this.#waiters--;
      bells.delete(bell);
      if (bells.size === 0) this.#waiting.delete(key);
    };
  }
}

/** Whether there are evaluators, and each holds the revision. */
export function isComplete(acknowledgements: readonly Acknowledgement[], revision: number): boolean {
  return acknowledgements.length > 0 && acknowledgements.every((one) => one.revision >= revision && !one.isForeign);
}

/** What is below the wanted revision does not count anyhow: its hash is not looked up. */
async function isOfHistory({ revision, stateHash, lineage }: Ack, wanted: Wanted): Promise<boolean> {
  if (compareLineage(wanted.lineage ?? '', lineage) !== 'same') return false;
  if (revision < wanted.revision) return true;
  const own = await wanted.hashAt(revision);
  return own !== undefined && equalHashes(own, stateHash);
}
