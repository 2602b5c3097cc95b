import assert from 'node:assert/strict';
import { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { canonicalEntity } from './canonical.js';
import { conditionOf, specOf } from './test/entities.js';

const key = fc.oneof(fc.string(), fc.nat(99).map(String), fc.constantFrom('toString', 'constructor'));

function storeOf(names: readonly string[]): Entity {
  const parameters = Object.fromEntries(
    names.map((name) => [name, { refType: 'static', paramType: 'string', bodyJson: `{"of":${JSON.stringify(name)}}` }]),
  );
  return { name: 's', version: 3, body: { $case: 'paramStore', value: { parameters, targetAppIds: undefined } } };
}

const bytesOf = (entity: Entity): Buffer => Buffer.from(Entity.encode(entity).finish());

describe('the canonical spelling of an entity', () => {
  it('has the same bytes whatever the order of parameters, also after the wire', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key), (names) => {
        const bytes = bytesOf(canonicalEntity(storeOf(names)));
        assert.deepEqual(bytesOf(canonicalEntity(storeOf([...names].reverse()))), bytes);
        assert.deepEqual(bytesOf(Entity.decode(bytes)), bytes);
      }),
    );
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(key).filter((names) => !names.includes('__proto__')),
        (names) => assert.deepEqual(canonicalEntity(storeOf(names)), storeOf(names)),
      ),
    );
  });

  it('changes nothing when it is there already', () => {
    const entity = canonicalEntity(storeOf(['b', 'a', '10', '9']));
    assert.deepEqual(bytesOf(canonicalEntity(entity)), bytesOf(entity));
  });

  it('leaves out the name that generated decoders can not receive', () => {
    const additionalValues = JSON.parse('{"salt":"s","__proto__":"x"}') as Record<string, string>;
    const { body } = canonicalEntity(conditionOf('c', { additionalValues }));
    assert(body?.$case === 'condition');
    assert.deepEqual(Object.entries(body.value.additionalValues), [['salt', 's']]);
  });

  it('keeps its argument, and entities without maps as they are', () => {
    const gate = specOf('gate', 'g', []);
    assert.equal(canonicalEntity(gate), gate);
    const condition = conditionOf('c', { additionalValues: { b: '1', a: '2' } });
    canonicalEntity(condition);
    assert(condition.body?.$case === 'condition');
    assert.deepEqual(Object.keys(condition.body.value.additionalValues), ['b', 'a']);
  });
});
