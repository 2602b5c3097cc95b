/**
 * Compares the engine with the reference for as long as asked: `fuzz --seed 1 --comparisons 1000000`.
 * The first mismatch is printed as a minimal case, and ends with exit code 1.
 */
import { parseArgs } from 'node:util';
import { describeMismatch } from './report.js';
import { runRounds } from './rounds.js';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, comparisons: { type: 'string', default: '1000000' } },
});
const started = performance.now();
const outcome = await runRounds(Number(values.seed), Number(values.comparisons));
const seconds = (performance.now() - started) / 1000;
console.log(`${outcome.comparisons} comparisons, ${outcome.rounds} documents, ${seconds.toFixed(1)} s`);
for (const seed of outcome.crashes) console.log(`seed ${seed}: the reference ended its process; not compared`);
if (outcome.failed !== undefined) {
  console.log(await describeMismatch(outcome.failed));
  process.exitCode = 1;
}
