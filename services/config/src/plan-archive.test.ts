import assert from 'node:assert/strict';
import { entityKey } from '@sluice/codec';
import { SluiceError } from '@sluice/mesh';
import { ChangeKind, type Entity, type EntityRef, Section } from '@sluice/proto';
import { advance, type Head, type Held } from './head.js';
import { planArchive, planRestore, requireRef } from './plan-archive.js';
import {
  askLayer,
  asksGate,
  carriedOn,
  conditionOf,
  experimentOf,
  gateOf,
  headWith,
  heldIn,
  inLayerOf,
  keysOf,
  layerOf,
  planOf,
  refOf,
  refusal,
  ruleOf,
  specIn,
  testMoment,
} from './test/heads.js';
import { put } from './test/overrides.js';

const archive = (head: Head, key: string): Head => carriedOn(head, planArchive(head, refOf(key), undefined)).head;
const mapping: Entity = { name: 'e', version: 0, body: { $case: 'override', value: { mappings: [] } } };
const layered = headWith(experimentOf('e'), layerOf('l'), inLayerOf('e', 'l'), mapping, gateOf('g'));

/** What the archive holds of entities that went: as they stood, with the revision that took them. */
function archiveOf(before: Head, after: Head): (ref: EntityRef) => Promise<Held | undefined> {
  const gone = [...before.entities].filter(([key]) => !after.entities.has(key));
  const held = new Map(gone.map(([key, one]) => [key, { ...one, changedInRevision: after.revision }]));
  return async (ref) => held.get(entityKey(ref));
}

describe('an archived entity', () => {
  it('is out of the ruleset, and archived rather than deleted', () => {
    const head = headWith(gateOf('a'), gateOf('b'));
    const { head: after, changes } = carriedOn(head, planArchive(head, refOf('gate/a'), undefined));
    assert.deepEqual(keysOf(after), ['gate/b']);
    assert.deepEqual(
      changes.map(({ kind }) => kind),
      [ChangeKind.ARCHIVED],
    );
  });

  it('takes along what belongs to nothing else', () => {
    assert.deepEqual(keysOf(archive(layered, 'config/e')), ['gate/g', 'layer/l']);
  });

  it('may not be used by others: they are named', () => {
    const head = headWith(gateOf('a', [ruleOf('r', { conditionIds: ['c'] })]), asksGate('c', 'b'), gateOf('b'));
    assert.throws(
      () => archive(head, 'gate/b'),
      (error) => {
        assert(error instanceof SluiceError);
        assert.equal(
          error.message,
          'ref: gate/b is still used by condition/c targetValueJson; change or archive those first',
        );
        assert.deepEqual(error.problems.slice(1), [
          { field: 'condition/c targetValueJson', message: 'refers to gate/b' },
        ]);
        return error.kind === 'precondition';
      },
    );
    assert.throws(() => archive(head, 'condition/c'), refusal('precondition', 'ref', /used by gate\/a rules\[0\]/));
    assert.deepEqual(keysOf(archive(archive(archive(head, 'gate/a'), 'condition/c'), 'gate/b')), []);
  });

  it('may not be a layer that still has experiments', () => {
    assert.throws(
      () => archive(layered, 'layer/l'),
      refusal('precondition', 'ref', /layer\/l is still used by experiment_layer\/e experimentLayer/),
    );
  });

  it('is refused with ten users at most, and says that there may be more', () => {
    const users = (count: number) => Array.from({ length: count }, (_, at) => asksGate(`c${at}`, 'b'));
    const shown = (count: number): [number, boolean] => {
      try {
        archive(headWith(gateOf('b'), ...users(count)), 'gate/b');
      } catch (error) {
        assert(error instanceof SluiceError);
        return [error.problems.length - 1, error.message.includes('and maybe more')];
      }
      return assert.fail('was archived');
    };
    assert.deepEqual(
      [shown(9), shown(30)],
      [
        [9, false],
        [10, true],
      ],
    );
  });

  it('can not be archived again', () => {
    const head = headWith(gateOf('b'));
    const archived = { ...heldIn(headWith(gateOf('a')), 'gate/a'), changedBy: 'bob', changedInRevision: 7 };
    assert.throws(
      () => planArchive(head, refOf('gate/a'), archived),
      refusal('precondition', 'ref.name', /gate\/a is archived already: "bob" archived it in revision 7/),
    );
    assert.throws(
      () => planArchive(headWith(gateOf('checkout')), refOf('gate/chekout'), undefined),
      refusal('not_found', 'ref.name', /there is no gate\/chekout; did you mean "checkout"\?/),
    );
  });
});

describe('a restored entity', () => {
  it('is back as it was, with the next version and what went with it', async () => {
    const gone = archive(layered, 'config/e');
    const plan = await planRestore(gone, refOf('config/e'), archiveOf(layered, gone));
    const versions = new Map([...layered.entities].map(([key, { highestVersion }]) => [key, highestVersion]));
    const { head, changes } = advance(gone, plan, testMoment, versions);
    assert.deepEqual(keysOf(head), keysOf(layered));
    for (const key of ['config/e', 'experiment_layer/e', 'override/e']) {
      assert.deepEqual(heldIn(head, key).entity, { ...heldIn(layered, key).entity, version: 2 });
    }
    assert.deepEqual([...new Set(changes.map(({ kind }) => kind))], [ChangeKind.RESTORED]);
  });

  it('has its overrides again, and so has its layer', async () => {
    const before = put(headWith(experimentOf('e'), layerOf('l'), inLayerOf('e', 'l')), 'config/e', ['ada'], 'B');
    assert.equal(askLayer(before, 'l', 'ada').groupName, 'B');
    const gone = archive(before, 'config/e');
    assert.deepEqual(keysOf(gone), ['layer/l']);
    assert.deepEqual(specIn(gone, 'layer/l').rules, []);
    const back = carriedOn(gone, await planRestore(gone, refOf('config/e'), archiveOf(before, gone))).head;
    assert.deepEqual(keysOf(back), keysOf(before));
    assert.equal(askLayer(back, 'l', 'ada').groupName, 'B');
  });

  it('leaves away what went before, and what is there again', async () => {
    const before = archive(layered, 'override/e');
    const gone = archive(before, 'config/e');
    const fromArchive = archiveOf(before, gone);
    const withOlder = async (ref: EntityRef) =>
      ref.section === Section.OVERRIDE
        ? { ...heldIn(layered, 'override/e'), changedInRevision: before.revision }
        : fromArchive(ref);
    const { upserts } = await planRestore(gone, refOf('config/e'), withOlder);
    assert.deepEqual(upserts.map(entityKey), ['config/e', 'experiment_layer/e']);

    const again = carriedOn(gone, planOf([inLayerOf('e', 'other')])).head;
    const other = await planRestore(again, refOf('config/e'), archiveOf(before, gone));
    assert.deepEqual(other.upserts.map(entityKey), ['config/e']);
  });

  it('is refused for what stands, and for what never was', async () => {
    const nothing = async () => undefined;
    await assert.rejects(
      planRestore(layered, refOf('gate/g'), nothing),
      refusal('precondition', 'ref.name', /gate\/g is not archived; there is nothing to do/),
    );
    await assert.rejects(
      planRestore(layered, refOf('gate/h'), nothing),
      refusal('not_found', 'ref.name', /there is no gate\/h/),
    );
  });
});

describe('what can be archived', () => {
  it('is anything that a ref names, but keys', () => {
    assert.deepEqual(requireRef(refOf('condition/c')), { section: Section.CONDITION, name: conditionOf('c').name });
    assert.throws(
      () => requireRef(undefined),
      refusal('invalid', 'ref', /is not set; name the section and the entity/),
    );
    assert.throws(() => requireRef({ section: 0, name: 'a' }), refusal('invalid', 'ref', /is not set/));
    assert.throws(() => requireRef(refOf('key/digest')), refusal('invalid', 'ref', /use ArchiveKey and RestoreKey/));
  });
});
