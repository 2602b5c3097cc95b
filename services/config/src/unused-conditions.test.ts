import assert from 'node:assert/strict';
import { conditionId, entityKey } from '@sluice/codec';
import type { Entity, EntityRef } from '@sluice/proto';
import { planArchive, planRestore } from './plan-archive.js';
import { planWrite } from './plan-write.js';
import { carriedOn, conditionOf, gateOf, headWith, heldIn, keysOf, refOf, refusal, ruleOf } from './test/heads.js';
import { findUnused } from './unused-conditions.js';

/** A condition under the name that a document would give it. */
function named(part: Parameters<typeof conditionOf>[1]): Entity {
  const entity = conditionOf('', part);
  assert(entity.body?.$case === 'condition');
  return { ...entity, name: conditionId(entity.body.value) };
}

const listed = named({ type: 'unit_id', operator: 'in_segment_list', targetValueJson: '"vips"', idType: 'userID' });
const german = named({ type: 'user_field', field: 'country', operator: 'any', targetValueJson: '["DE"]' });
const vips: Entity = { name: 'vips', version: 0, body: { $case: 'idList', value: { keys: '', idType: 'userID' } } };
const asks = (name: string, ...conditions: Entity[]): Entity =>
  gateOf(name, [ruleOf('r', { conditionIds: conditions.map((condition) => condition.name) })]);

describe('a condition that a document made', () => {
  const head = headWith(listed, german, vips, asks('door', listed, german), asks('window', german));

  it('goes with the last rule that names it', () => {
    const after = carriedOn(head, planWrite(head, [asks('door', german)])).head;
    assert.deepEqual(
      keysOf(after),
      keysOf(head).filter((key) => key !== entityKey(refIn(listed))),
    );
    assert.deepEqual(findUnused(after, [asks('door')], []), []);
    assert.deepEqual(findUnused(after, [asks('door'), asks('window')], []), [refIn(german)]);
  });

  it('stays where the same write says it again, or another entity names it', () => {
    assert.deepEqual(findUnused(head, [asks('door'), listed], []), []);
    assert.deepEqual(findUnused(head, [asks('door'), asks('new', listed)], []), []);
  });

  it('stays when somebody chose its name', () => {
    const own = conditionOf('my-condition');
    const named = headWith(own, asks('door', own));
    assert.deepEqual(findUnused(named, [asks('door')], []), []);
  });

  it('is archived with its gate, and comes back with it', async () => {
    const gone = carriedOn(head, planArchive(head, refOf('gate/door'), undefined)).head;
    assert.deepEqual(keysOf(gone), [`condition/${german.name}`, 'gate/window', 'id_list/vips'].sort());
    const fromArchive = async (ref: EntityRef) => heldIn(head, entityKey(ref));
    const { upserts } = await planRestore(gone, refOf('gate/door'), fromArchive);
    assert.deepEqual(upserts.map(entityKey), ['gate/door', `condition/${listed.name}`]);
  });

  it('says which rules use what it asks for, and holds nothing when there are none', () => {
    assert.throws(
      () => planArchive(head, refOf('id_list/vips'), undefined),
      refusal('precondition', 'ref', /id_list\/vips is still used by gate\/door rules\[0\]\.conditionIds\[0\]; change/),
    );
    const left = headWith(listed, vips);
    assert.deepEqual(keysOf(carriedOn(left, planArchive(left, refOf('id_list/vips'), undefined)).head), []);
  });
});

function refIn(condition: Entity) {
  return refOf(`condition/${condition.name}`);
}
