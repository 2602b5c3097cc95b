import assert from 'node:assert/strict';
import type { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { findCircles } from './circles.js';
import { askingGate, changeOf, conditionOf, ruleOf, specOf } from './test/entities.js';

const messages = (held: readonly Entity[], written: readonly Entity[]): string[] =>
  findCircles(changeOf(held, written)).map(({ key, message }) => `${key} ${message}`);

/** Whether one of some nodes leads to a circle: nothing but walks of every length up to the number of nodes. */
function leadsToCircle(edges: ReadonlyMap<string, readonly string[]>, starts: readonly string[]): boolean {
  let reached = new Set(starts);
  for (let step = 0; step < edges.size; step++) {
    reached = new Set([...reached].flatMap((node) => edges.get(node) ?? []));
  }
  return reached.size > 0;
}

const names = ['a', 'b', 'c', 'd', 'e'];
const graph = fc
  .tuple(...names.map(() => fc.subarray(names)))
  .map((targets) => new Map(names.map((name, at) => [name, targets[at] ?? []])));

describe('circles of entities', () => {
  it('are found whenever a written gate leads to one, and only then', () => {
    fc.assert(
      fc.property(graph, fc.subarray(names, { minLength: 1 }), (edges, written) => {
        const gates = new Map(names.map((name) => [name, askingGate(name, edges.get(name) ?? [])]));
        const all = [...gates.values()].flat();
        const upserts = written.flatMap((name) => gates.get(name) ?? []);
        const found = findCircles(changeOf(all, upserts));
        assert.equal(found.length > 0, leadsToCircle(edges, written));
        for (const { message, isOld } of found) {
          const circle = message.replace('asks for itself: ', '').split(' → ');
          assert.equal(circle[0], circle.at(-1));
          assert.equal(isOld, false);
        }
      }),
    );
  });

  it('are spelled with everything on the way', () => {
    const all = [...askingGate('a', ['b']), ...askingGate('b', ['a'], 'fail_gate')];
    assert.deepEqual(messages([], all), [
      'gate/a asks for itself: gate/a → condition/a asks b → gate/b → condition/b asks a → gate/a',
    ]);
  });

  it('are found when only the condition that closes one is written', () => {
    const [gate, condition] = askingGate('a', ['b']);
    assert(gate && condition);
    const closing = conditionOf(condition.name, { type: 'pass_gate', targetValueJson: '"a"' });
    assert.equal(messages([gate, condition], [closing]).length, 1);
    assert.deepEqual(messages([gate, condition, ...askingGate('b', [])], [condition]), []);
  });

  it('go through delegates and groups', () => {
    const layer = specOf('layer', 'l', [ruleOf('r', { configDelegate: 'e' })]);
    const experiment = specOf('config', 'e', [ruleOf('r', { conditionIds: ['in group'] })]);
    const group = conditionOf('in group', { type: 'experiment_group', field: 'e', targetValueJson: '["A"]' });
    assert.deepEqual(messages([], [layer, experiment, group]), [
      'config/e asks for itself: config/e → condition/in group → config/e',
    ]);
  });

  it('go through bandits, which answer by the name of a config', () => {
    const group = conditionOf('in group', { type: 'experiment_group', field: 'b', targetValueJson: '["A"]' });
    const gate = specOf('gate', 'g', [ruleOf('r', { conditionIds: ['in group'] })]);
    const bodyJson = '{"targetingGateName":"g"}';
    const bandit: Entity = { name: 'b', version: 0, body: { $case: 'cmab', value: { bodyJson } } };
    assert.deepEqual(messages([gate, group], [bandit]), [
      'cmab/b asks for itself: cmab/b → gate/g → condition/in group → cmab/b',
    ]);
  });

  it('are no circles when two ways lead to one gate, or a gate is missing', () => {
    const all = [...askingGate('a', ['b', 'c']), ...askingGate('b', ['c']), ...askingGate('c', ['nobody'])];
    assert.deepEqual(messages([], all), []);
  });

  it('may be as long as a set is large, and are then told in short', () => {
    const length = 20_000;
    const all = Array.from({ length }, (_, at) => askingGate(`g${at}`, [`g${(at + 1) % length}`])).flat();
    const [message = '', ...others] = messages([], all);
    assert.deepEqual(others, []);
    assert(message.startsWith('gate/g0 asks for itself: gate/g0 → condition/g0 asks g1 → gate/g1 → '), message);
    assert(message.includes(`… ${length * 2 + 1 - 12} more …`), message);
    assert(message.endsWith(' → gate/g0'), message);
  });
});
