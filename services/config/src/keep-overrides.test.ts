import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';
import type { Entity } from '@sluice/proto';
import fc from 'fast-check';
import type { Head } from './head.js';
import { planGate } from './plan-gate.js';
import { planImport } from './plan-import.js';
import { planWrite } from './plan-write.js';
import {
  askConfig,
  askGate,
  askLayer,
  carriedOn,
  conditionOf,
  configOf,
  experimentOf,
  gateOf,
  headWith,
  heldIn,
  inLayerOf,
  keysOf,
  layerOf,
  ruleOf,
  specIn,
} from './test/heads.js';
import { leftBehind, listed, overrideConditions, put, ruleIds, stepsOf, units, walk } from './test/overrides.js';

const write = (head: Head, ...entities: Entity[]): Head => carriedOn(head, planWrite(head, entities)).head;
const replaceAll = (head: Head, ...entities: Entity[]): Head => carriedOn(head, planImport(head, entities)).head;
const half = gateOf('g', [ruleOf('half', { passPercentage: 50 })]);
const nobody = gateOf('g', [ruleOf('nobody', { passPercentage: 0 })]);

describe('overrides', () => {
  for (const [how, become] of [
    ['a write', write],
    ['an import', replaceAll],
  ] as const) {
    it(`of a gate stand after ${how} of it, whatever they are`, () => {
      fc.assert(
        fc.property(stepsOf([true, false]), (steps) => {
          const last = walk(headWith(half), 'gate/g', steps).at(-1);
          if (!last) return;
          const head = become(last.head, nobody);
          assert.deepEqual(listed(head, 'gate/g'), listed(last.head, 'gate/g'));
          for (const id of units) assert.equal(askGate(head, 'g', id).value, last.expected.get(id) ?? false, id);
          assert.deepEqual(leftBehind(head), []);
        }),
        { numRuns: 30 },
      );
    });

    it(`stand after ${how} of a gate that is off, or is switched by it`, () => {
      const off = carriedOn(headWith(half), planGate(headWith(half), gateIs(false))).head;
      const held = put(off, 'gate/g', ['ada'], true);
      const still = become(held, specEntity(off));
      assert.deepEqual(ruleIds(still, 'gate/g'), ['disabled', 'true:userID:id_override', 'half']);
      assert.equal(askGate(still, 'g', 'ada').value, false);
      assert.equal(askGate(become(still, half), 'g', 'ada').value, true);
    });

    it(`of an experiment in a layer stand after ${how}, there and in the layer`, () => {
      const parts = [experimentOf('e'), layerOf('l'), inLayerOf('e', 'l')];
      const held = put(put(headWith(...parts), 'config/e', ['ada'], 'A'), 'layer/l', ['bob'], '{"group":"mine"}');
      const head = become(held, experimentOf('e', { defaultValueJson: '{}' }), layerOf('l'), inLayerOf('e', 'l'));
      assert.deepEqual(listed(head, 'config/e'), ['userID ada A']);
      assert.deepEqual(listed(head, 'layer/l'), ['userID bob {"group":"mine"}']);
      assert.equal(askLayer(head, 'l', 'ada').groupName, 'A');
      assert.equal(askLayer(head, 'l', 'bob').value.group, 'mine');
      assert.deepEqual(leftBehind(head), []);
    });
  }

  it('go with their entity when an import leaves it out, and none is left behind', () => {
    const parts = [experimentOf('e'), layerOf('l'), inLayerOf('e', 'l')];
    const held = put(put(headWith(half, ...parts), 'config/e', ['ada'], 'A'), 'gate/g', ['ada'], true);
    assert.equal(overrideConditions(held).length, 3);
    const head = replaceAll(held, layerOf('l'));
    assert.deepEqual(keysOf(head), ['layer/l']);
    assert.deepEqual(specIn(head, 'layer/l').rules, []);
  });

  it('go with an import of another system, which has its own', () => {
    const held = put(headWith(half), 'gate/g', ['ada'], true);
    assert.deepEqual(keysOf(carriedOn(held, planImport(held, [half], true)).head), ['gate/g']);
  });

  it('follow their experiment from layer to layer', () => {
    const held = put(
      headWith(experimentOf('e'), layerOf('l'), layerOf('m'), inLayerOf('e', 'l')),
      'config/e',
      ['ada'],
      'B',
    );
    const head = write(held, inLayerOf('e', 'm'));
    assert.equal(askLayer(held, 'l', 'ada').groupName, 'B');
    assert.equal(askLayer(head, 'l', 'ada').groupName, null);
    assert.equal(askLayer(head, 'm', 'ada').groupName, 'B');
    assert.deepEqual(leftBehind(head), []);
  });

  it('by a group answer what the group says now', () => {
    const held = put(headWith(experimentOf('e')), 'config/e', ['ada'], 'A');
    const anew = ruleOf('group A', { groupName: 'A', isExperimentGroup: true, returnValueJson: '{"group":"anew"}' });
    assert.deepEqual(askConfig(write(held, experimentOf('e', {}, [anew])), 'e', 'ada', 'experiment').value, {
      group: 'anew',
    });
  });

  const without = experimentOf('e', {}, [ruleOf('group B', { groupName: 'B', returnValueJson: '{}' })]);
  const byValue = put(headWith(configOf('c')), 'config/c', ['ada', 'bob'], '{"a":1}');
  const byGroup = put(headWith(experimentOf('e')), 'config/e', ['ada'], 'A');
  const lost: [string, Head, Entity, string][] = [
    ['a group', byGroup, without, 'config/e: has overrides of 1 unit by the group "A", which would be gone;'],
    [
      'an experiment',
      byGroup,
      configOf('e'),
      'config/e: has overrides of 1 unit by a group, and would be no experiment;',
    ],
    [
      'a config',
      byValue,
      experimentOf('c'),
      'config/c: has overrides of 2 units by a value, and would be an experiment;',
    ],
  ];
  for (const [what, held, entity, message] of lost) {
    it(`keep ${what} from being written away`, () => {
      for (const plan of [planWrite, planImport]) {
        assert.throws(
          () => plan(held, [entity]),
          (error) => error instanceof SluiceError && error.kind === 'precondition' && error.message.startsWith(message),
        );
      }
    });
  }

  it('are those that an entity brings with it', () => {
    const held = put(put(headWith(half), 'gate/g', ['ada'], true), 'gate/g', ['bob'], false);
    const [first] = specIn(held, 'gate/g').rules;
    assert(first);
    const head = write(held, gateOf('g', [first]));
    assert.deepEqual(listed(head, 'gate/g'), ['userID ada true']);
    assert.equal(overrideConditions(head).length, 1);
  });

  it('are no rule of units any more when somebody writes over the units', () => {
    const held = put(headWith(half), 'gate/g', ['ada'], true);
    const [rule] = specIn(held, 'gate/g').rules;
    const broken = conditionOf(rule?.conditionIds[0] ?? '', { type: 'unit_id', targetValueJson: '{"no' });
    assert.deepEqual(listed(headWith(...[broken, heldIn(held, 'gate/g').entity]), 'gate/g'), []);
  });
});

const gateIs = (isEnabled: boolean) => ({
  ...{ set: undefined, name: 'g', rolloutPercentage: undefined, ruleId: '', isEnabled },
  ...{ expectedVersion: undefined, reason: '' },
});

const specEntity = (head: Head): Entity => gateOf('g', specIn(head, 'gate/g').rules, specIn(head, 'gate/g'));
