import { benchCompile, benchIdList } from './compile.js';
import { benchEngine } from './engine.js';
import { benchEvaluation } from './evaluation.js';
import { benchHedging } from './hedging.js';
import { benchIngestion, benchIngestionMemory, benchIngestionStore } from './ingestion.js';
import { describeMachine } from './measure.js';
import { benchPropagation } from './propagation.js';

console.log(`Measured side by side, medians of interleaved rounds. ${describeMachine()}`);
const parts = {
  engine: benchEngine,
  compile: benchCompile,
  idlist: benchIdList,
  evaluation: benchEvaluation,
  propagation: benchPropagation,
  hedging: benchHedging,
  ingestion: benchIngestion,
  'ingestion-store': benchIngestionStore,
};
/** Only when they are named. */
const longParts = { 'ingestion-memory': benchIngestionMemory };
const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await run();
}
for (const [name, run] of Object.entries(longParts)) if (wanted.includes(name)) await run();
// Peers leave timers and sockets behind that they offer no way to close.
process.exit(0);
