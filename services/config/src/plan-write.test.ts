import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';
import type { Entity, EntityWrite } from '@sluice/proto';
import { absentFrom, planImport } from './plan-import.js';
import { entitiesOf, planWrite } from './plan-write.js';
import { carriedOn, configOf, gateOf, headWith, keyOf, keysOf, refusal, ruleOf, settingOf } from './test/heads.js';

const write = (entity: Entity | undefined): EntityWrite => ({ entity, expectedVersion: undefined });
const wrong = gateOf('a', [ruleOf('r', { passPercentage: 150 })]);

describe('a write', () => {
  it('is of its entities, in their order, and takes nothing away', () => {
    const entities = [gateOf('b'), gateOf('a')];
    assert.deepEqual(entitiesOf(entities.map(write)), entities);
    assert.deepEqual(planWrite(headWith(), entities), { upserts: entities, deletions: [] });
  });

  it('is refused without entities, and with too many', () => {
    assert.throws(() => entitiesOf([]), refusal('invalid', 'writes', /are empty; say what to write/));
    const many = Array.from({ length: 1_001 }, (_, at) => write(gateOf(`g${at}`)));
    assert.throws(() => entitiesOf(many), refusal('invalid', 'writes', /are 1001; the limit is 1000/));
    assert.equal(entitiesOf(many.slice(1)).length, 1_000);
  });

  it('is refused with every entity that is wrong, by its place', () => {
    const writes = [write(gateOf('b')), write(wrong), write(undefined), write(keyOf('k')), write(gateOf('b'))];
    assert.throws(
      () => entitiesOf(writes),
      (error) => {
        assert(error instanceof SluiceError);
        assert.deepEqual(
          error.problems.map(({ field, message }) => `${field} ${message.split(/[;:]/)[0]}`),
          [
            'writes[1].entity gate/a rules[0].passPercentage is 150',
            'writes[2].entity has no entity',
            'writes[3].entity is a key',
            'writes[4].entity gate/b is there twice',
          ],
        );
        return error.kind === 'invalid';
      },
    );
  });

  it('is refused for one entity that is wrong', () => {
    assert.throws(() => entitiesOf([write(wrong)]), refusal('invalid', 'writes[0].entity', /passPercentage is 150/));
    assert.throws(() => planImport(headWith(), [gateOf('')]), refusal('invalid', 'entities[0]', /has no name/));
  });

  it('is refused with twenty of them at most', () => {
    assert.throws(
      () => entitiesOf(Array.from({ length: 50 }, () => write(undefined))),
      (error) => error instanceof SluiceError && error.problems.length === 20,
    );
  });
});

describe('an import', () => {
  const held = headWith(gateOf('a'), configOf('a'), settingOf('s', '1'), keyOf('digest'));

  it('replaces everything but keys', () => {
    const { head } = carriedOn(held, planImport(held, [gateOf('a'), gateOf('new')]));
    assert.deepEqual(keysOf(head), ['gate/a', 'gate/new', 'key/digest']);
  });

  it('of nothing leaves the keys', () => {
    assert.deepEqual(keysOf(carriedOn(held, planImport(held, [])).head), ['key/digest']);
    assert.deepEqual(absentFrom(held, new Set(['gate/a', 'config/a', 'setting/s'])), []);
  });

  it('takes what another system may hold, and no author may write', () => {
    assert.deepEqual(planImport(held, [wrong]).upserts, [wrong]);
  });

  it('is refused with every entity that is wrong, by its place', () => {
    assert.throws(
      () => planImport(held, [gateOf('a'), gateOf('a'), keyOf('other'), gateOf('')]),
      (error) => {
        assert(error instanceof SluiceError);
        assert.deepEqual(
          error.problems.map(({ field }) => field),
          ['entities[1]', 'entities[2]', 'entities[3]'],
        );
        return error.kind === 'invalid';
      },
    );
  });

  it('is refused with too many entities', () => {
    const many = Array.from({ length: 200_001 }, (_, at) => settingOf(`s${at}`, '1'));
    assert.equal(planImport(held, many.slice(1)).upserts.length, 200_000);
    assert.throws(() => planImport(held, many), refusal('invalid', 'entities', /are 200001; the limit is 200000/));
  });
});
