import assert from 'node:assert/strict';
import { idListMax } from '@sluice/codec';
import type { Entity } from '@sluice/proto';
import { problemOf, problemOfContent } from './check-entity.js';
import { conditionOf, configOf, gateOf, idListOf, keyOf, layerOf, ruleOf, settingOf } from './test/heads.js';

const nobody: ReadonlySet<string> = new Set();

describe('an entity that is to be stored', () => {
  it('has a body and a name that is short enough', () => {
    const bare: Entity = { name: 'a', version: 0, body: undefined };
    assert.equal(problemOf(undefined, nobody), 'has no entity; leave it out or fill it in');
    assert.equal(problemOf(bare, nobody), '"a" has no body; leave it out or fill it in');
    assert.equal(problemOf(gateOf(''), nobody), 'has no name; give it one');
    assert.equal(problemOf(gateOf('a'.repeat(512)), nobody), undefined);
    assert.match(problemOf(gateOf('a'.repeat(513)), nobody) ?? '', /a name of 513 characters; the limit is 512/);
    assert.equal(problemOf(gateOf('a\0'), nobody), '"a\\u0000" has a NUL character in its name; take it out');
  });

  it('is described in few words', () => {
    assert.equal(problemOf({ ...gateOf('a'), description: 'd'.repeat(1_000) }, nobody), undefined);
    const long = { ...gateOf('a'), description: 'd'.repeat(1_001) };
    assert.equal(problemOf(long, nobody), 'gate/a has a description of 1001 characters; the limit is 1000');
  });

  it('is no key', () => {
    assert.equal(problemOf(keyOf('digest'), nobody), 'is a key; create keys with CreateKey');
  });

  it('is there once, by section and name', () => {
    const seen = new Set(['gate/a']);
    assert.equal(problemOf(gateOf('a'), seen), 'gate/a is there twice; keep one');
    assert.equal(problemOf(configOf('a'), seen), undefined);
  });

  it('has no more rules, or ids, than anybody can use', () => {
    const rules = Array.from({ length: 10_001 }, (_, at) => ruleOf(`r${at}`));
    for (const make of [gateOf, configOf, layerOf]) {
      assert.match(problemOf(make('a', rules), nobody) ?? '', /^\w+\/a has 10001 rules; the limit is 10000$/);
      assert.equal(problemOf(make('a', rules.slice(1)), nobody), undefined);
    }
    assert.equal(problemOf(idListOf('l', 'A'.repeat(idListMax * 8)), nobody), undefined);
    assert.match(problemOf(idListOf('l', 'A'.repeat(idListMax * 8 + 8)), nobody) ?? '', /more than 1,000,000 ids/);
  });
});

describe('conditions that are to be stored', () => {
  const asking = (...counts: number[]): Entity =>
    gateOf(
      'a',
      counts.map((count, at) => ruleOf(`r${at}`, { conditionIds: Array<string>(count).fill('c') })),
    );
  const listing = (count: number): Entity =>
    conditionOf('c', { operator: 'any', targetValueJson: JSON.stringify(Array<number>(count).fill(1)) });

  it('are no more for a rule, or for all rules of an entity, than anybody can use', () => {
    assert.equal(problemOf(asking(1_000, 1_000), nobody), undefined);
    assert.equal(problemOf(asking(1, 1_001), nobody), 'gate/a rules[1] has 1001 conditions; the limit is 1000');
    const all = 'gate/a has rules with 100001 conditions in all; the limit is 100000';
    assert.equal(problemOf(asking(...Array<number>(100).fill(1_000), 1), nobody), all);
  });

  it('compare with no more values than a call may look at', () => {
    assert.equal(problemOf(listing(10_000), nobody), undefined);
    assert.equal(
      problemOf(listing(10_001), nobody),
      'condition/c compares with 10001 values; the limit is 10000: upload an id list, and ask for that',
    );
    for (const targetValueJson of [`"${','.repeat(30_000)}"`, '['.repeat(30_000)]) {
      assert.equal(problemOf(conditionOf('c', { targetValueJson }), nobody), undefined);
    }
  });
});

describe("an author's entity", () => {
  it('has percentages between 0 and 100', () => {
    const problemWith = (passPercentage: number) =>
      problemOfContent(gateOf('a', [ruleOf('x'), ruleOf('y', { passPercentage })]));
    for (const fine of [0, 0.01, 100]) assert.equal(problemWith(fine), undefined);
    for (const wrong of [-0.01, 100.01, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.equal(problemWith(wrong), `gate/a rules[1].passPercentage is ${wrong}; it must be between 0 and 100`);
    }
  });

  it('has whole keys in an id list, and JSON in a setting', () => {
    assert.equal(problemOfContent(idListOf('l', 'AAAAAAAA')), undefined);
    assert.equal(problemOfContent(idListOf('l', 'AAAA')), 'id_list/l has 4 characters; each key is 8 of them');
    assert.equal(
      problemOfContent(idListOf('l', 'AAAAAAAA', 'u'.repeat(65))),
      'id_list/l has an id type of more than 64 characters',
    );
    assert.equal(problemOfContent(settingOf('s', '{"a":1}')), undefined);
    assert.match(problemOfContent(settingOf('s', '{a:1}')) ?? '', /^setting\/s is not JSON: /);
    assert.equal(problemOfContent(conditionOf('c')), undefined);
  });
});
