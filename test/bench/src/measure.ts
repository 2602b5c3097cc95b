import { cpus } from 'node:os';

/** One thing to be timed: does `batch` operations per call. */
export interface Contender {
  readonly name: string;
  readonly run: (batch: number) => void;
}

export interface Measurement {
  readonly name: string;
  /** Operations per second: the median of the rounds. */
  readonly perSecond: number;
  /** Half the distance between the quartiles, as a share of the median. */
  readonly spread: number;
}

const rounds = 9;
const roundMs = 60;

/**
 * Times contenders in turn, round by round, so that whatever else the machine does hits all of
 * them alike. Batches are sized to last about `roundMs`.
 */
export function measure(contenders: readonly Contender[]): Measurement[] {
  const batches = contenders.map(batchFor);
  const rates = contenders.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { run }] of contenders.entries()) {
      const batch = batches[index] ?? 1;
      const started = performance.now();
      run(batch);
      rates[index]?.push((batch * 1000) / (performance.now() - started));
    }
  }
  return contenders.map(({ name }, index) => ({ name, ...summarise(rates[index] ?? []) }));
}

function batchFor({ run }: Contender): number {
  let batch = 1;
  for (;;) {
    const started = performance.now();
    run(batch);
    const elapsedMs = performance.now() - started;
    if (elapsedMs >= roundMs / 2) return Math.max(1, Math.round((batch * roundMs) / elapsedMs));
    batch *= 2;
  }
}

function summarise(rates: readonly number[]): { perSecond: number; spread: number } {
  const sorted = rates.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return { perSecond: at(0.5), spread: (at(0.75) - at(0.25)) / 2 / at(0.5) };
}

/** The machine, for whoever compares figures. */
export function describeMachine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, Node ${process.versions.node}, V8 ${process.versions.v8}`;
}

/** Prints one case: figures, spread, and how many times faster `subject` is than each other. */
export function printCase(title: string, measurements: readonly Measurement[], subject: string): void {
  const own = measurements.find(({ name }) => name === subject);
  console.log(`\n${title}`);
  for (const { name, perSecond, spread } of measurements) {
    const rate = Math.round(perSecond).toLocaleString('en').padStart(14);
    const ratio = name === subject || !own ? '' : `  sluice is ${(own.perSecond / perSecond).toFixed(1)}×`;
    console.log(`  ${name.padEnd(30)}${rate}/s  ±${(spread * 100).toFixed(0).padStart(2)} %${ratio}`);
  }
}
