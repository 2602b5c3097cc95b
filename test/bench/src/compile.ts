/** What a ruleset costs to compile, to change and to hold, and what an id list costs. */
import { compile, DenseIdList, idListKey, parseStatsigDocument, patch } from '@sluice/engine';
import { mixedGates } from './gates.js';
import { measure, printCase } from './measure.js';
import { documentV2 } from './peers/statsig-document.js';

const gatesCount = 10_000;
const idsCount = 1_000_000;

const heapMb = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

/** Heap and buffers together. */
const memoryMb = (): number => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
};

export function benchCompile(): void {
  const text = documentV2(mixedGates(gatesCount));
  const { ruleset } = parseStatsigDocument(text);
  const heapBefore = heapMb();
  const started = performance.now();
  let { program } = compile(ruleset);
  const compileMs = performance.now() - started;
  const heap = heapMb() - heapBefore;
  console.log(`\n${gatesCount.toLocaleString('en')} gates, a document of ${(text.length / 2 ** 20).toFixed(1)} MB`);
  console.log(`  compile                ${compileMs.toFixed(0)} ms`);
  console.log(
    `  heap of the program    ${heap.toFixed(1)} MB, ${((heap * 2 ** 20) / text.length).toFixed(2)}× the document`,
  );
  const gate = ruleset.gates.get('mixed_1');
  if (!gate) throw new Error('the document has no gate mixed_1');
  const [change] = measure([
    {
      name: 'one gate changed',
      run: (batch) => {
        for (let i = 0; i < batch; i++) {
          const rules = gate.rules.map((rule) => ({ ...rule, passPercentage: i % 100 }));
          ({ program } = patch(program, { gates: { upserts: [['mixed_1', { ...gate, rules }]] } }));
        }
      },
    },
  ]);
  console.log(`  one gate changed       ${(1000 / (change?.perSecond ?? 1)).toFixed(3)} ms`);
}

export function benchIdList(): void {
  const keys = Array.from({ length: idsCount }, (_, index) => idListKey(`user-${index}`));
  const probes = Array.from({ length: 1_000 }, (_, index) => idListKey(`user-${index * 2_000}`));
  const before = memoryMb();
  const list = new DenseIdList();
  for (const key of keys) list.add(key);
  const used = memoryMb() - before;
  const set = new Set(keys);
  console.log(`\nAn id list of ${idsCount.toLocaleString('en')} ids`);
  console.log(`  memory                 ${used.toFixed(1)} MB`);
  const lookUp = (has: (key: string) => boolean) => (batch: number) => {
    for (let i = 0; i < batch; i++) has(probes[i % probes.length] ?? '');
  };
  printCase(
    'Looking up in it',
    measure([
      { name: 'sluice', run: lookUp((key) => list.has(key)) },
      { name: 'Set', run: lookUp((key) => set.has(key)) },
    ]),
    'sluice',
  );
}
