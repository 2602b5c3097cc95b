import assert from 'node:assert/strict';
import type { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { findDangling, mentionsOf } from './dangling.js';
import { referencesOf } from './entity-references.js';
import { entityKey } from './sections.js';
import { askingGate, changeOf, conditionOf, ruleOf, specOf, tableOf } from './test/entities.js';

const asking = (name: string, conditionIds: readonly string[]): Entity =>
  specOf('gate', name, [ruleOf('r', { conditionIds: [...conditionIds] })]);
const cmab = (name: string): Entity => ({ name, version: 0, body: { $case: 'cmab', value: { bodyJson: '{}' } } });
const inGroup = conditionOf('in group', { type: 'experiment_group', field: 'welcome', targetValueJson: '["A"]' });

describe('mentions of what is not there', () => {
  it('are found in what was written, with their place', () => {
    const change = changeOf([], [asking('a', ['here', 'gone']), conditionOf('here', {})]);
    assert.deepEqual(findDangling(change), [
      {
        key: 'gate/a',
        path: 'rules[0].conditionIds[1]',
        message: 'there is no condition/gone; write it too, or take the mention out',
        isOld: false,
      },
    ]);
  });

  it('are not looked for in what was not touched', () => {
    assert.deepEqual(findDangling(changeOf([asking('a', ['gone'])], [conditionOf('other', {})])), []);
  });

  it('come with the name that was meant', () => {
    const [, condition] = askingGate('a', ['chekout']);
    assert(condition);
    const [problem] = findDangling(changeOf([specOf('gate', 'checkout', [])], [condition]));
    assert.equal(
      problem?.message,
      'there is no gate/chekout; did you mean "checkout"; write it too, or take the mention out',
    );
  });

  it('come with ten such names at most', () => {
    const conditions = Array.from({ length: 15 }, (_, at) =>
      conditionOf(`c${at}`, { type: 'pass_gate', targetValueJson: '"chekout"' }),
    );
    const problems = findDangling(changeOf([specOf('gate', 'checkout', [])], conditions));
    assert.equal(problems.length, 15);
    assert.equal(problems.filter(({ message }) => message.includes('did you mean')).length, 10);
  });

  it('are old when they led nowhere before, and new in another place', () => {
    const held = asking('a', ['gone']);
    const isOld = (written: Entity): boolean[] => findDangling(changeOf([held], [written])).map((one) => one.isOld);
    assert.deepEqual(isOld({ ...held, version: 2 }), [true]);
    assert.deepEqual(isOld(asking('a', ['gone', 'lost'])), [true, false]);
    assert.deepEqual(isOld(asking('b', ['gone'])), [false]);
  });

  it('are new when what they lead to goes, and say who has to change', () => {
    const held = [asking('a', ['c']), conditionOf('c', {}), asking('b', [])];
    assert.deepEqual(findDangling(changeOf(held, [], ['condition/c'])), [
      {
        key: 'gate/a',
        path: 'rules[0].conditionIds[0]',
        message: 'still refers to condition/c; change gate/a first',
        isOld: false,
      },
    ]);
    assert.deepEqual(findDangling(changeOf(held, [], ['gate/b'])), []);
    assert.deepEqual(findDangling(changeOf(held, [asking('a', [])], ['condition/c'])), []);
  });

  it('are none when a bandit answers by the name of a config', () => {
    assert.deepEqual(findDangling(changeOf([], [inGroup, cmab('welcome')])), []);
    assert.equal(findDangling(changeOf([], [inGroup, cmab('other')])).length, 1);
  });

  it('say so when it is the bandit that goes', () => {
    const [problem] = findDangling(changeOf([inGroup, cmab('welcome')], [], ['cmab/welcome']));
    assert.equal(problem?.message, 'still refers to cmab/welcome; change condition/in group first');
  });

  it('are exactly those references that the set lacks', () => {
    const names = ['a', 'b', 'c', 'd'];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...names), fc.subarray(names))),
        fc.subarray(names),
        (gates, held) => {
          const written = [...new Map(gates).entries()].map(([name, ids]) => asking(name, ids));
          const missing = written
            .flatMap((gate) => referencesOf(gate).map(({ path, to }) => ({ key: entityKey(gate), path, to })))
            .filter(({ to }) => !held.includes(to.name));
          const found = findDangling(
            changeOf(
              held.map((name) => conditionOf(name, {})),
              written,
            ),
          );
          assert.deepEqual(
            found.map(({ key, path }) => ({ key, path })),
            missing.map(({ key, path }) => ({ key, path })),
          );
        },
      ),
    );
  });
});

describe('mentions of an entity', () => {
  const table = tableOf([asking('a', ['x', 'c']), asking('b', ['c', 'c']), conditionOf('c', {})]);

  it('are listed with their places', () => {
    assert.deepEqual(mentionsOf(table, 'condition/c', 10), [
      'gate/a rules[0].conditionIds[1]',
      'gate/b rules[0].conditionIds[0]',
      'gate/b rules[0].conditionIds[1]',
    ]);
    assert.deepEqual(mentionsOf(table, 'gate/a', 10), []);
  });

  it('are no more than asked for', () => {
    assert.deepEqual(mentionsOf(table, 'condition/c', 2).length, 2);
  });
});
