import assert from 'node:assert/strict';
import { parseAuthoring } from '@sluice/codec';
import { Section } from '@sluice/proto';
import { kindOfEntity, kinds, parseRef, refOf, spellEntity, spellRef } from './kinds.js';

describe('keys of entities', () => {
  const cases: [string, Section, string, string?][] = [
    ['gate/checkout', Section.GATE, 'checkout'],
    ['segment/staff', Section.GATE, 'segment:staff'],
    ['holdout/winter', Section.GATE, 'winter', 'gate/winter'],
    ['config/search', Section.CONFIG, 'search'],
    ['experiment/button', Section.CONFIG, 'button', 'config/button'],
    ['layer/page', Section.LAYER, 'page'],
    ['store/texts', Section.PARAM_STORE, 'texts'],
    ['list/testers', Section.ID_LIST, 'testers'],
    ['gate/a/b', Section.GATE, 'a/b'],
  ];
  for (const [key, section, name, spelled = key] of cases) {
    it(`${key} names ${name}, spelled ${spelled}`, () => {
      assert.deepEqual(parseRef('key', key), { section, name });
      assert.equal(spellRef({ section, name }), spelled);
    });
  }

  for (const text of ['', 'checkout', 'gate/', '/checkout', 'gates/checkout', 'condition/c']) {
    it(`${JSON.stringify(text)} is none`, () => {
      const expected =
        /^SluiceError: the-key: must be a kind and a name, such as gate\/checkout; kinds are gate, segment/;
      assert.throws(() => parseRef('the-key', text), expected);
    });
  }

  it('are spelled for sections that nobody writes by hand', () => {
    assert.equal(spellRef({ section: Section.CONDITION, name: 'c' }), 'condition/c');
    assert.equal(spellRef({ section: 99 as Section, name: 'x' }), 'section 99/x');
    assert.equal(spellRef(undefined), '');
  });
});

describe('kinds', () => {
  const entities = parseAuthoring(`
project: shop
segments: {segment: {when: [{field: plan, is: pro}]}}
gates: {gate: {}}
holdouts: {holdout: {percentage: 5}}
configs: {config: {default: {a: 1}}}
experiments: {experiment: {parameters: {a: 1}, groups: [{name: all, weight: 100}]}}
layers: {layer: {parameters: {a: 1}}}
stores: {store: {parameters: {a: {value: 1}}}}
lists: {list: {ids: [ada]}}
`);

  for (const kind of kinds) {
    it(`are told from what is stored: ${kind.word}`, () => {
      const { section, name } = refOf(kind, kind.word);
      const entity = entities.find((one) => one.name === name);
      assert.ok(entity);
      assert.deepEqual([kindOfEntity(entity)?.word, section], [kind.word, kind.section]);
      assert.equal(spellEntity(entity), `${kind.word}/${kind.word}`);
    });
  }

  it('are not for conditions', () => {
    const condition = entities.find(({ body }) => body?.$case === 'condition');
    assert.ok(condition);
    assert.equal(kindOfEntity(condition), undefined);
    assert.equal(spellEntity(condition), `condition/${condition.name}`);
  });
});
