import { noHarshDisk } from './harsh-disk.js';
import { keepers, type LedgerRun, type Mutation, owners, runLedger } from './ledger-run.js';

/** For so long power losses are planned, some seconds apart; each takes as long as everything takes to come back. */
const blackoutSeconds = 25;
const seconds = Number(process.env.SLUICE_DRILL_SECONDS ?? 120);
const mutationSeconds = 14;
const load = { batchesPerSecond: 25, eventsPerBatch: 20 };

/** What has to be wrong with a run in which something was broken on purpose. */
const mutations: readonly { mutation: Mutation; needsRoot: boolean; symptom: RegExp }[] = [
  { mutation: 'no message id', needsRoot: false, symptom: /the log kept \d+ repeats/ },
  { mutation: 'no key', needsRoot: false, symptom: /stored twice/ },
  { mutation: 'ack before publish', needsRoot: false, symptom: /acknowledged events are lost/ },
  { mutation: 'no fsync', needsRoot: true, symptom: /acknowledged events are lost/ },
];

/**
 * Load through real ingestion while everything on the way of an event is killed, frozen and robbed of its power; then
 * power that goes everywhere at once; then the first with a promise broken on purpose.
 */
export async function drillLedger(): Promise<boolean> {
  const noDisks = await noHarshDisk();
  if (noDisks !== undefined) print(`power loss and full disks: NOT RUN, ${noDisks}`);
  const seeds = readSeeds();
  let isSound = true;
  for (const seed of seeds) {
    const run = { ...load, seed, say: clock() };
    const disksOf = noDisks === undefined ? owners : [];
    isSound = report(await runLedger({ ...run, durationMs: seconds * 1_000, disksOf }), seed) && isSound;
    if (noDisks !== undefined) {
      print(`power loss of everything at once: NOT RUN, ${noDisks}`);
      continue;
    }
    print(`power loss of everything at once, seed ${seed}`);
    const blackout = { durationMs: blackoutSeconds * 1_000, disksOf: keepers, isBlackout: true };
    isSound = report(await runLedger({ ...run, ...blackout, say: clock() }), seed) && isSound;
  }
  // What is broken on purpose is broken once.
  return (await proveAll(noDisks, seeds[0] ?? 1)) && isSound;
}

/** As many as SEEDS says, from SEED on. */
function readSeeds(): number[] {
  const first = countOf('SEED', process.env.SEED ?? process.env.SLUICE_DRILL_SEED ?? '1');
  return Array.from({ length: countOf('SEEDS', process.env.SEEDS ?? '1') }, (_, at) => first + at);
}

async function proveAll(noDisks: string | undefined, seed: number): Promise<boolean> {
  let areProven = true;
  for (const { mutation, needsRoot, symptom } of mutations) {
    if (needsRoot && noDisks !== undefined) {
      print(`mutation ${mutation}: NOT RUN, ${noDisks}`);
      continue;
    }
    areProven = (await prove(mutation, symptom, needsRoot, seed)) && areProven;
  }
  return areProven;
}

/** @throws Error naming the variable that is no count. */
function countOf(name: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new Error(`${name} must be a whole number from 1, got ${JSON.stringify(text)}`);
}

function report({ findings: found, broken, faults, books }: LedgerRun, seed: number): boolean {
  print(`${found.sent} events sent in the open (seed ${seed}), ${found.acked} acknowledged, ${found.stored} stored`);
  print(`acknowledged and lost: ${found.lost} (goal 0); stored twice: ${found.double} (goal 0)`);
  print(`acknowledgement p50 ${found.ackP50Ms} ms, p99 ${found.ackP99Ms} ms; longest gap ${found.longestGapMs} ms`);
  print(`failed attempts that were repeated: ${found.retries}; repeated on purpose: ${found.repeats} batches`);
  print(`the SDK made ${found.sdk.generated} events, ${found.sdk.stored} are stored`);
  print(
    `faults: ${Object.entries(faults)
      .map(([name, times]) => `${name} ${times}×`)
      .join(', ')}`,
  );
  const { code, isMoving, problems, source } = books;
  const isKnown = source?.arrived === found.sent && source.missing === 0;
  print(`\`sluice books\`: ${code === 0 ? 'they balance' : `exit code ${code}`}`);
  print(`the books know ${source?.arrived ?? 0} events of the load, and that ${source?.missing ?? 0} never came`);
  const wrong = [
    ...broken,
    ...problems,
    ...(isMoving ? ['the books were read while events were on their way: they say little'] : []),
    ...(isKnown ? [] : [`the books do not know all ${found.sent} events of the load`]),
  ];
  for (const sentence of wrong) print(`BROKEN: ${sentence}`);
  return wrong.length === 0 && code === 0;
}

/** A checker that does not notice this can't be believed in anything else. */
async function prove(mutation: Mutation, symptom: RegExp, needsPower: boolean, seed: number): Promise<boolean> {
  const { broken } = await runLedger({
    ...{ ...load, seed, mutation, durationMs: mutationSeconds * 1_000, patienceMs: 20_000 },
    disksOf: needsPower ? ['nats'] : [],
  });
  const isSeen = broken.some((sentence) => symptom.test(sentence));
  print(`mutation ${mutation}: ${isSeen ? 'seen' : 'NOT SEEN'}: ${broken.join('; ') || 'all green'}`);
  return isSeen;
}

function clock(): (line: string) => void {
  const startedMs = performance.now();
  return (line) => print(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
}

function print(line: string): void {
  console.log(`  ${line}`);
}
