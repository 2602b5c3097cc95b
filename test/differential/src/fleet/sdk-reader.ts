import { silentLogger } from '@sluice/mesh';
import type { Holdings, ReplicaState } from '@sluice/replica';
import { demo } from '../../../../packages/replica/dist/test/model.js';
import { Holder } from '../../../../packages/sdk/dist/holder.js';
import { RulesetReader } from '../../../../packages/sdk/dist/ruleset-reader.js';
import { type Handling, watchRuleset } from '../../../../services/evaluation/dist/handlers.js';
import type { Relay } from '../../../../services/evaluation/dist/relay.js';

/** What nobody confirms for so long is not defended against evaluators that have another history. In milliseconds. */
const staleAfterMs = 1_500;

/** What becomes of one message on its way to the SDK. */
export type Harm = 'is lost' | 'comes twice';

/** An SDK's side of the relay: reads one evaluator after the other, and keeps what it holds in between. */
export class SdkReader {
  readonly #holder = new Holder(silentLogger);
  readonly #reader: RulesetReader;
  #streams = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #harm: Harm | undefined;

  constructor(onApplied: (state: ReplicaState) => void) {
    const onConfirmed = (): void => undefined;
    this.#reader = new RulesetReader({ holder: this.#holder, staleAfterMs, onApplied, onConfirmed });
  }

  get state(): ReplicaState | undefined {
    return this.#holder.current?.state;
  }

  /** Reads what an evaluator relays, until it is cut off; connects again whenever a stream is of no use. */
  read(holdings: Holdings, relay: Relay): void {
    const handling = {
      ...{ holdings, relay, pacer: { admit: () => Promise.resolve() }, clock: { now: () => Date.now() } },
    } as unknown as Handling;
    this.#streams = new AbortController();
    this.#running = this.#follow(handling, this.#streams.signal);
  }

  /** The next message suffers this. */
  spoil(harm: Harm): void {
    this.#harm = harm;
  }

  async cut(): Promise<void> {
    this.#streams.abort();
    await this.#running;
  }

  async #follow(handling: Handling, signal: AbortSignal): Promise<void> {
    const principal = { kind: 'server', ...demo, canWrite: false, label: '', digest: '' };
    const call = { principal, signal } as unknown as Parameters<typeof watchRuleset>[2];
    while (!signal.aborted) {
      try {
        for await (const bytes of watchRuleset(handling, { set: demo, ...this.#reader.place() }, call)) {
          if (signal.aborted) return;
          const harm = this.#harm;
          this.#harm = undefined;
          if (harm !== 'is lost') await this.#reader.receive(bytes);
          if (harm === 'comes twice') await this.#reader.receive(bytes);
        }
      } catch {
        // Nothing is held there yet, or what was said can't be right: the next stream goes on from the place.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
  }
}
