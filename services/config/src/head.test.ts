import assert from 'node:assert/strict';
import { encodeEntity, entityKey, hashEntities, rulesetFromEntities } from '@sluice/codec';
import { compile, evaluateAll, type Program } from '@sluice/engine';
import { ChangeKind, type Entity } from '@sluice/proto';
import fc from 'fast-check';
import { advance, type Head, type Plan } from './head.js';
import {
  asksGate,
  conditionOf,
  configOf,
  emptyHead,
  gateOf,
  headWith,
  heldIn,
  planOf,
  ruleOf,
  testMoment,
} from './test/heads.js';

const text = fc.constantFrom('true', 'false');
const rules = (returnValueJson: string) => [ruleOf('r', { conditionIds: ['c'], returnValueJson })];
const anyEntity: fc.Arbitrary<Entity> = fc.oneof(
  fc.tuple(fc.constantFrom('a', 'b'), text).map(([name, value]) => gateOf(name, rules(value))),
  text.map((value) => configOf('f', rules(`{"is":${value}}`))),
  fc.constantFrom('public', 'user_id').map((type) => conditionOf('c', { type })),
  fc.constantFrom('a', 'b').map((gate) => asksGate('d', gate)),
);
const keys = ['gate/a', 'gate/b', 'config/f', 'condition/c', 'condition/d', 'gate/nobody'];
/** No plan writes an entity that it takes away. */
const anyPlan: fc.Arbitrary<Plan> = fc
  .tuple(fc.uniqueArray(anyEntity, { selector: entityKey, maxLength: 3 }), fc.subarray(keys))
  .map(([upserts, gone]) => planOf(upserts, ...gone.filter((key) => !upserts.map(entityKey).includes(key))));

const entitiesOf = (head: Head): Entity[] => [...head.entities.values()].map(({ entity }) => entity);

function answersOf(program: Program): string[] {
  const { gates, configs } = evaluateAll(program, { userID: 'ada' }, { now: 0 });
  return [...gates, ...configs].map(([name, { value }]) => `${name} ${JSON.stringify(value)}`).sort();
}

describe('a head that goes on', () => {
  it('is the same as one that was made anew, whatever was planned', () => {
    fc.assert(
      fc.property(fc.array(anyPlan, { maxLength: 6 }), (plans) => {
        let head = emptyHead;
        for (const plan of plans) {
          const before = { ...head, hash: [...head.stateHash], entities: new Map(head.entities) };
          const next = advance(head, plan, testMoment).head;
          assert.equal(next.revision, head.revision + 1);
          assert.deepEqual(next.stateHash, hashEntities(entitiesOf(next)));
          assert.deepEqual(answersOf(next.program), answersOf(compile(rulesetFromEntities(entitiesOf(next))).program));
          assert.deepEqual({ ...head, hash: [...head.stateHash] }, before, 'the old head was changed');
          head = next;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('holds what was planned, and says exactly what changed', () => {
    fc.assert(
      fc.property(anyPlan, anyPlan, (first, plan) => {
        const before = advance(emptyHead, first, testMoment).head;
        const { head, upserts, deletions, changes } = advance(before, plan, testMoment);
        const changed = new Set([...upserts, ...deletions].map(entityKey));
        assert.deepEqual(
          changes.map(({ ref }) => entityKey(ref)),
          [...changed],
        );
        for (const key of new Set([...keys, ...plan.upserts.map(entityKey)])) {
          const [old, now] = [before.entities.get(key)?.entity, head.entities.get(key)?.entity];
          const isKept = old === now;
          assert.equal(changed.has(key), !isKept, key);
        }
        for (const wanted of plan.upserts) assert.deepEqual(heldIn(head, entityKey(wanted)).entity.body, wanted.body);
        for (const ref of plan.deletions) assert(!head.entities.has(entityKey(ref)));
      }),
    );
  });
});

describe('an entity that is written', () => {
  const gate = gateOf('a', rules('true'));
  const changed = gateOf('a', rules('false'));
  const author = { author: 'bob', nowMs: testMoment.nowMs + 5_000 };

  it('has the next version, and the story of its change', () => {
    const { head } = advance(headWith(gate), planOf([changed]), author);
    assert.deepEqual(
      { ...heldIn(head, 'gate/a'), entity: heldIn(head, 'gate/a').entity.version },
      { entity: 2, changedInRevision: 2, changedAtMs: author.nowMs, changedBy: 'bob', highestVersion: 2 },
    );
    assert.equal(head.committedAtMs, author.nowMs);
  });

  it('stays as it is when nothing differs, whatever version it comes with', () => {
    const before = headWith(gate);
    const { head, upserts, changes } = advance(before, planOf([{ ...gate, version: 7 }]), author);
    assert.deepEqual([upserts, changes], [[], []]);
    assert.equal(heldIn(head, 'gate/a'), heldIn(before, 'gate/a'));
    assert.deepEqual(head.stateHash, before.stateHash);
  });

  it('stays as it is when only the order of a map differs', () => {
    const condition = (additionalValues: Record<string, string>) => conditionOf('c', { additionalValues });
    const before = headWith(condition({ a: '1', b: '2' }));
    assert.deepEqual(advance(before, planOf([condition({ b: '2', a: '1' })]), author).upserts, []);
    assert.equal(advance(before, planOf([condition({ b: '1', a: '2' })]), author).upserts.length, 1);
  });

  it('goes on counting where it stopped when it comes back', () => {
    const gone = advance(headWith(gate), planOf([], 'gate/a'), author).head;
    const kinds = (plan: Plan) =>
      advance(gone, plan, author, new Map([['gate/a', 4]])).changes.map(({ kind, version }) => [kind, version]);
    assert.deepEqual(kinds(planOf([gate])), [[ChangeKind.CREATED, 5]]);
    assert.deepEqual(kinds({ ...planOf([gate]), arrival: ChangeKind.RESTORED }), [[ChangeKind.RESTORED, 5]]);
  });

  it('is told as created, updated, deleted or archived', () => {
    const kinds = (plan: Plan) =>
      advance(headWith(gate, gateOf('b')), plan, author).changes.map(({ ref, kind, version }) => [
        entityKey(ref),
        kind,
        version,
      ]);
    assert.deepEqual(kinds(planOf([changed, gateOf('c')], 'gate/b')), [
      ['gate/a', ChangeKind.UPDATED, 2],
      ['gate/c', ChangeKind.CREATED, 1],
      ['gate/b', ChangeKind.DELETED, 1],
    ]);
    assert.deepEqual(kinds({ ...planOf([], 'gate/b', 'gate/nobody'), departure: ChangeKind.ARCHIVED }), [
      ['gate/b', ChangeKind.ARCHIVED, 1],
    ]);
  });
});

describe('an entity that goes back', () => {
  const gate = (value: string) => gateOf('a', rules(value));

  it('keeps the version that it had, and counts on from the highest', () => {
    const first = headWith(gate('true'));
    const third = advance(
      advance(first, planOf([gate('false')]), testMoment).head,
      planOf([gate('0')]),
      testMoment,
    ).head;
    assert.equal(heldIn(third, 'gate/a').entity.version, 3);
    const back = advance(third, { ...planOf([heldIn(first, 'gate/a').entity]), isExact: true }, testMoment).head;
    assert.equal(heldIn(back, 'gate/a').entity.version, 1);
    assert.equal(heldIn(back, 'gate/a').highestVersion, 3);
    assert.deepEqual(back.stateHash, first.stateHash);
    const next = advance(back, planOf([gate('false')]), testMoment).head;
    assert.equal(heldIn(next, 'gate/a').entity.version, 4);
  });

  it('changes also when only its version differs', () => {
    const before = headWith(gate('true'));
    const plan = { ...planOf([{ ...gate('true'), version: 9 }]), isExact: true };
    assert.deepEqual(advance(before, plan, testMoment).upserts.map(encodeEntity), [
      encodeEntity({ ...gate('true'), version: 9 }),
    ]);
  });
});

describe('what an engine says of a change', () => {
  it('comes with it', () => {
    const { problems } = advance(emptyHead, planOf([gateOf('a', [ruleOf('r', { returnValueJson: '{' })])]), testMoment);
    assert(
      problems.some(({ path, severity }) => path.startsWith('gates.a') && severity === 'error'),
      JSON.stringify(problems),
    );
  });

  it('is nothing when there is nothing wrong', () => {
    assert.deepEqual(advance(emptyHead, planOf([gateOf('a')]), testMoment).problems, []);
  });
});
