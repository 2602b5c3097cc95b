import assert from 'node:assert/strict';
import { type Entity, Section } from '@sluice/proto';
import fc from 'fast-check';
import { entityKey, refOfKey, sectionOf, sectionWord } from './sections.js';
import { conditionOf, specOf } from './test/entities.js';

const known = Object.values(Section).filter(
  (section): section is Section => typeof section === 'number' && section > Section.UNSPECIFIED,
);

describe("an entity's key", () => {
  it('is read back to the section and the name, whatever the name', () => {
    assert(known.length >= 12);
    fc.assert(
      fc.property(fc.constantFrom(...known), fc.string(), (section, name) => {
        assert.deepEqual(refOfKey(entityKey({ section, name })), { section, name });
      }),
    );
    assert.deepEqual(refOfKey('gate/a/b'), { section: Section.GATE, name: 'a/b' });
  });

  it('is the same for an entity and for its name', () => {
    for (const entity of [specOf('gate', 'g', []), specOf('layer', 'l', []), conditionOf('c', {})]) {
      assert.equal(entityKey(entity), entityKey({ section: sectionOf(entity), name: entity.name }));
    }
    assert.equal(entityKey(specOf('gate', 'g', [])), 'gate/g');
  });

  it('tells every section from every other', () => {
    assert.equal(new Set(known.map(sectionWord)).size, known.length);
  });

  it('names nothing when it is none', () => {
    for (const wrong of ['', 'gate', '/', '/gate', 'gates/a', 'unspecified/a', 'section_99/a', 'GATE/a']) {
      assert.equal(refOfKey(wrong), undefined, wrong);
    }
  });

  it('has a word for sections of a newer version, and for entities without a body', () => {
    assert.equal(sectionWord(99), 'section_99');
    const bare: Entity = { name: 'a', version: 0, body: undefined };
    assert.equal(sectionOf(bare), Section.UNSPECIFIED);
    assert.equal(entityKey(bare), 'unspecified/a');
  });
});
