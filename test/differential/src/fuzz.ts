import { parseArgs } from 'node:util';
import { runRounds } from './rounds.js';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, comparisons: { type: 'string', default: '1000000' } },
});
const started = performance.now();
const outcome = await runRounds(Number(values.seed), Number(values.comparisons));
const seconds = (performance.now() - started) / 1000;
console.log(`${outcome.comparisons} comparisons in ${outcome.rounds} documents, ${seconds.toFixed(1)} s`);
for (const seed of outcome.crashes) console.log(`the reference ended its process on seed ${seed}`);
if (outcome.failed !== undefined) {
  const { round, mismatches } = outcome.failed;
  console.log(`seed ${round.seed}: ${mismatches.length} mismatches`);
  const seen = new Set<string>();
  for (const m of mismatches) {
    if (seen.has(m.entity) || seen.size > 2) continue;
    seen.add(m.entity);
    const [kind='', name=''] = m.entity.split(/ (?=[^ ]*$)/);
    const spec = m.document.feature_gates[name] ?? (kind==='layer'? m.document.layer_configs[name] : m.document.dynamic_configs[name]);
    console.log(m.entity, '\n  ours  ', JSON.stringify(m.ours), '\n  theirs', JSON.stringify(m.theirs));
    if (process.env.V) console.log(JSON.stringify(spec), JSON.stringify(m.user), spec?.rules.flatMap(r=>r.conditions.map(c=>c+':'+JSON.stringify(m.document.condition_map[c]).slice(0,200))).join('\n'));
  }
  process.exitCode = 1;
}
