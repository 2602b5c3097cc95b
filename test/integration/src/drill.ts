/**
 * Long proofs against a real mesh, by name: `make drill stream`. Each says what it did and ends
 * with a verdict; any that fails makes the whole fail.
 */
import { drillRegions } from '../../mesh/dist/drill-regions.js';
import { drillGoals } from './drill-goals.js';
import { drillLedger } from './drill-ledger.js';
import { drillStream } from './drill-stream.js';

const drills: Readonly<Record<string, () => Promise<boolean>>> = {
  goals: drillGoals,
  stream: drillStream,
  ledger: drillLedger,
  regions: drillRegions,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => drills[name] === undefined);
if (unknown.length > 0) {
  console.log(`No drill ${unknown.join(', ')}; there are: ${Object.keys(drills).join(', ')}`);
  process.exit(2);
}
let isPassed = true;
for (const [name, run] of Object.entries(drills)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\ndrill ${name}`);
  const passed = await run();
  console.log(passed ? '  PASSED' : '  FAILED');
  isPassed &&= passed;
}
process.exit(isPassed ? 0 : 1);
