import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { diffEntities } from './entity-diff.js';
import { conditionOf, ruleOf, specOf } from './test/entities.js';

const limits = { fieldsMax: 100, textMax: 200 };

const lines = (before: Entity | undefined, after: Entity | undefined): string[] =>
  diffEntities(before, after, limits).fields.map(({ path, before, after }) => `${path}: ${before} → ${after}`);

const text = fc.constantFrom('a', 'b', '');
const rule = fc
  .record({ id: text, passPercentage: fc.constantFrom(0, 10, 50), conditionIds: fc.array(text, { maxLength: 2 }) })
  .map((part) => ruleOf(part.id, part));
const gate = fc
  .record({
    rules: fc.array(rule, { maxLength: 3 }),
    salt: text,
    version: fc.option(fc.nat(2), { nil: undefined }),
    targetAppIds: fc.option(fc.record({ values: fc.array(text, { maxLength: 2 }) }), { nil: undefined }),
  })
  .map(({ rules, ...part }) => specOf('gate', 'g', rules, part));
const condition = fc
  .record({
    additionalValues: fc.dictionary(text, text, { noNullPrototype: true }),
    targetValueJson: fc.option(fc.json(), { nil: undefined }),
  })
  .map((part) => conditionOf('c', part));

describe('the difference of two entities', () => {
  it('is empty exactly when their bodies are equal', () => {
    const pair = fc.oneof(fc.tuple(gate, gate), fc.tuple(condition, condition));
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const { fields, isTruncated } = diffEntities(before, after, limits);
        assert.equal(fields.length === 0, isDeepStrictEqual(before.body, after.body));
        assert.equal(isTruncated, false);
      }),
    );
  });

  it('is its own mirror', () => {
    fc.assert(
      fc.property(gate, gate, (before, after) => {
        const there = diffEntities(before, after, limits).fields;
        const back = diffEntities(after, before, limits).fields;
        const byPath = (left: { path: string }, right: { path: string }): number => (left.path < right.path ? -1 : 1);
        assert.deepEqual(
          back.map(({ path, before, after }) => ({ path, before: after, after: before })).sort(byPath),
          there.sort(byPath),
        );
      }),
    );
  });

  it('names each field by its path, in the order of the fields', () => {
    const before = specOf('gate', 'g', [ruleOf('a', { passPercentage: 30 }), ruleOf('b')]);
    const after = specOf('gate', 'g', [ruleOf('a', { passPercentage: 20, conditionIds: ['c'] }), ruleOf('b')], {
      enabled: false,
    });
    assert.deepEqual(lines(before, after).sort(), [
      'enabled: true → false',
      'rules[0].conditionIds: [] → ["c"]',
      'rules[0].passPercentage: 30 → 20',
    ]);
  });

  it('leaves the side empty that is not there', () => {
    const [one, two] = [specOf('gate', 'g', [ruleOf('a')]), specOf('gate', 'g', [ruleOf('a'), ruleOf('b')])];
    const [line = '', ...others] = lines(one, two);
    assert.match(line, /^rules\[1\]: {2}→ \{"id":"b",/);
    assert.deepEqual(others, []);
    assert.match(lines(two, one)[0] ?? '', /^rules\[1\]: \{"id":"b",.* → $/);
  });

  it('is each field of the other side when one is absent', () => {
    const setting: Entity = { name: 's', version: 1, body: { $case: 'settingJson', value: '{"a":1}' } };
    assert.deepEqual(lines(undefined, setting), ['settingJson:  → {"a":1}']);
    assert.deepEqual(lines(setting, undefined), ['settingJson: {"a":1} → ']);
    assert.deepEqual(lines(undefined, undefined), []);
    const created = lines(undefined, conditionOf('c', { type: 'ua_based', operator: 'any' }));
    assert(created.includes('type:  → "ua_based"'), created.join('\n'));
  });

  it('has no versions in it', () => {
    const one = conditionOf('c', {});
    assert.deepEqual(lines({ ...one, version: 1 }, { ...one, version: 2 }), []);
  });

  it('shows JSON texts as they are, and others in quotes', () => {
    const before = specOf('config', 'c', [], { defaultValueJson: '{"a":1}', salt: 'x' });
    const after = specOf('config', 'c', [], { defaultValueJson: '{"a":2}', salt: 'y' });
    assert.deepEqual(lines(before, after).sort(), ['defaultValueJson: {"a":1} → {"a":2}', 'salt: "x" → "y"']);
  });

  it('tells the size of an id list', () => {
    const listOf = (keys: string): Entity => ({
      name: 'l',
      version: 0,
      body: { $case: 'idList', value: { keys, idType: 'u' } },
    });
    const found = lines(listOf('AAAAAAAA'), listOf('AAAAAAAABBBBBBBB'));
    assert.deepEqual(found, ['size: 1 → 2', 'keys: "AAAAAAAA" → "AAAAAAAABBBBBBBB"']);
  });
});

describe('a large difference', () => {
  const rules = Array.from({ length: 30 }, (_, at) => ruleOf(`r${at}`, { passPercentage: 10 }));
  const before = specOf('gate', 'g', rules);
  const after = specOf(
    'gate',
    'g',
    rules.map((one) => ({ ...one, passPercentage: 20 })),
  );

  it('is cut off, and says so', () => {
    const few = diffEntities(before, after, { fieldsMax: 7, textMax: 50 });
    assert.deepEqual([few.fields.length, few.isTruncated], [7, true]);
    const all = diffEntities(before, after, { fieldsMax: 30, textMax: 50 });
    assert.deepEqual([all.fields.length, all.isTruncated], [30, false]);
  });

  it('has short texts', () => {
    const long = 'x'.repeat(1_000);
    const saltOf = (salt: string): Entity => specOf('gate', 'g', [], { salt, defaultValueJson: `"${salt}"` });
    const { fields } = diffEntities(saltOf(''), saltOf(long), { fieldsMax: 9, textMax: 20 });
    assert.deepEqual(fields.map(({ after }) => after).sort(), [`"${'x'.repeat(19)}…`, `"${'x'.repeat(19)}…`]);
  });
});

describe('a difference over the wire', () => {
  it('is none', () => {
    fc.assert(
      fc.property(fc.oneof(gate, condition), (entity) => {
        assert.deepEqual(lines(entity, Entity.decode(Entity.encode(entity).finish())), []);
      }),
    );
  });
});
