/** Golden vectors are the reference's answers: here it is asked for them again. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Json } from './document.js';
import { Referee } from './referee.js';

function readVectors<Vectors>(name: string): Vectors {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url), 'utf8'));
}

const nothing = { lists: {}, environment: null, globalCustomFields: {}, overrides: [], clients: [], isExposing: false };

/** A gate for each comparison with the field `f`. */
function documentOf(comparisons: readonly (readonly [operator: string, target: Json])[]): string {
  const common = { idType: 'userID' };
  const conditions = comparisons.map(([operator, targetValue], index) => [
    `c${index}`,
    { ...common, type: 'user_field', field: 'f', operator, targetValue },
  ]);
  const gates = comparisons.map((_, index) => {
    const rule = { ...common, id: 'r', name: 'r', passPercentage: 100, conditions: [`c${index}`], returnValue: true };
    const spec = { type: 'feature_gate', entity: 'feature_gate', salt: 's', enabled: true, defaultValue: false };
    return [`g${index}`, { ...common, ...spec, rules: [rule] }];
  });
  return JSON.stringify({
    ...{ has_updates: true, time: 1, dynamic_configs: {}, layer_configs: {}, experiment_to_layer: {} },
    condition_map: Object.fromEntries(conditions),
    feature_gates: Object.fromEntries(gates),
  });
}

describe('golden vectors', function () {
  this.timeout(60_000);
  const referee = new Referee();
  after(() => referee.close());

  /** Which of the values, given to the field, pass a gate. */
  async function passing(gate: number, values: readonly Json[]): Promise<Json[]> {
    const names = { gates: [`g${gate}`], configs: [], layers: [], stores: {}, clients: [], isExposing: false };
    const answers = await referee.ask(
      names,
      values.map((f) => ({ userID: 'a', custom: { f } })),
    );
    const passes = answers.map((answer) => (answer[`gate g${gate}`] as { readonly value: boolean }).value);
    return values.filter((_, at) => passes[at]);
  }

  it('of patterns', async () => {
    const { patterns } = readVectors<{ patterns: [string, string[], string[]][] }>('patterns.json');
    assert.ok(await referee.load(documentOf(patterns.map(([source]) => ['str_matches', source])), nothing));
    for (const [index, [source, yes, no]] of patterns.entries()) {
      assert.deepEqual(await passing(index, [...yes, ...no]), yes, source);
    }
  });

  it('of dates', async () => {
    const { dates } = readVectors<{ dates: [string, number | null, number | null][] }>('dates.json');
    const known = dates.filter(([, , ms]) => ms !== null && Math.abs(ms) >= 1e10);
    const around = known.flatMap(([, , ms]) => [['after', (ms ?? 0) - 1] as const, ['before', (ms ?? 0) + 1] as const]);
    assert.ok(await referee.load(documentOf([...around, ['after', -9e15]]), nothing));
    for (const [index, [text]] of known.entries()) {
      for (const gate of [2 * index, 2 * index + 1]) assert.deepEqual(await passing(gate, [text]), [text]);
    }
    const unknown = dates.filter(([, , ms]) => ms === null).map(([text]) => text);
    assert.deepEqual(await passing(around.length, unknown), []);
  });
});
