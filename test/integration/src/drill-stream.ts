import { withMesh } from '@sluice/testkit';
import { runPairs } from './pairs.js';

const evaluators = 3;
const pairs = Number(process.env.SLUICE_DRILL_PAIRS ?? 10_000);
const seed = Number(process.env.SEED ?? 1);

/** Write-then-read pairs against every evaluator while everything on the way of a change is killed in turn. */
export function drillStream(): Promise<boolean> {
  return withMesh(
    async (mesh) => {
      const startedMs = performance.now();
      const result = await runPairs(mesh, {
        ...{ evaluators, pairs, writers: 16, seed },
        victims: ['nats', 'config-1', 'evaluation-1', 'evaluation-2', 'evaluation-3'],
        say: (line) => console.log(`  ${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}`),
      });
      const { older, wrong, olderWithoutToken, repeatedReads, repeatedWrites, kills } = result;
      const deaths = Object.entries(kills).map(([name, times]) => `${name} ${times}×`);
      console.log(`  ${result.pairs} writes, ${result.reads} reads from ${evaluators} evaluators (seed ${seed})`);
      console.log(`  killed: ${deaths.join(', ')}`);
      console.log(`  repeated after a fault: ${repeatedWrites} writes, ${repeatedReads} reads`);
      console.log(`  older than their token: ${older} (goal 0); by the right revision, but wrong: ${wrong} (goal 0)`);
      console.log(`  older than the write when no token was shown: ${olderWithoutToken}`);
      return older === 0 && wrong === 0 && olderWithoutToken > 0 && Object.keys(kills).length === evaluators + 2;
    },
    { evaluators, services: ['config', 'evaluation'] },
  );
}
