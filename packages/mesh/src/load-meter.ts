import type { Metrics } from './metrics.js';
import { utilizationMeter } from './utilization.js';

/** Long enough to be steady, short enough to be now, in milliseconds. */
const overMs = 1_000;

/** How busy this process's thread is: everything it does waits for it, so at 1 calls do. */
export class LoadMeter {
  readonly #timer: NodeJS.Timeout;
  #value: number | undefined;

  constructor(metrics: Pick<Metrics, 'gauge'>) {
    const read = utilizationMeter();
    this.#timer = setInterval(() => {
      this.#value = read();
    }, overMs).unref();
    metrics.gauge('sluice_server_busy_ratio', 'The share of the last second that the thread was busy', () =>
      this.#value === undefined ? [] : [{ value: this.#value }],
    );
  }

  /** The share of the last second that the thread was busy, 0 to 1; undefined in the first second. */
  get value(): number | undefined {
    return this.#value;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
