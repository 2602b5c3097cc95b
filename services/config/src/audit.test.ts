import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { type AuditEntry, chainHash, firstHash } from './audit.js';
import { bodyDigest, describeChanges, parseChanges } from './audited-changes.js';
import { advance } from './head.js';
import { gateOf, headWith, planOf, settingOf, testMoment } from './test/heads.js';

const word = fc.string({ maxLength: 4 });
const entries: fc.Arbitrary<AuditEntry> = fc.record({
  ...{ project: word, environment: word, author: word, reason: word, changes: word },
  ...{ revision: fc.nat(3), atMs: fc.nat(3) },
});
const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('the hash of an audit line', () => {
  it('is SHA-256 of the hash before it and of everything that it says', () => {
    const entry = { project: 'p', environment: 'e', revision: 3, atMs: 5, author: 'a', reason: 'r', changes: '[]' };
    const previous = Buffer.alloc(32, 7);
    const expected = createHash('sha256').update(previous).update('["p","e",3,5,"a","r","[]"]').digest('hex');
    assert.equal(chainHash(previous, entry).toString('hex'), expected);
    assert.equal(firstHash.toString('hex'), '0'.repeat(64));
  });

  it('is the same only for the same line after the same hash', () => {
    fc.assert(
      fc.property(entries, entries, hashes, hashes, (one, other, before, alsoBefore) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        assert.equal(chainHash(before, one).equals(chainHash(before, other)), isSame);
        assert.equal(
          chainHash(before, one).equals(chainHash(alsoBefore, one)),
          Buffer.compare(before, alsoBefore) === 0,
        );
      }),
    );
  });

  it('changes with each field', () => {
    const entry = { project: 'p', environment: 'e', revision: 3, atMs: 5, author: 'a', reason: 'r', changes: '[]' };
    const hash = chainHash(firstHash, entry);
    for (const name of Object.keys(entry)) {
      const changed = { ...entry, [name]: typeof entry[name as keyof AuditEntry] === 'number' ? 4 : 'x' };
      assert(!chainHash(firstHash, changed).equals(hash), name);
    }
    assert(!chainHash(firstHash, { ...entry, project: 'pe', environment: '' }).equals(hash));
  });
});

describe('the changes of an audit line', () => {
  it('say what each entity was before and is after, as digests of its bytes', () => {
    const before = headWith(gateOf('a'), settingOf('s', '1'), settingOf('kept', '1'));
    const change = advance(before, planOf([settingOf('s', '2'), gateOf('b')], 'gate/a'), testMoment);
    const changes = parseChanges(describeChanges(before, change));
    const shape = (digest: string | null) => (digest === null ? null : digest.length);
    assert.deepEqual(
      changes?.map(([key, from, to]) => [key, shape(from), shape(to)]),
      [
        ['setting/s', 64, 64],
        ['gate/b', null, 64],
        ['gate/a', 64, null],
      ],
    );
    assert.notEqual(changes?.[0]?.[1], changes?.[0]?.[2]);
    const after = advance(change.head, planOf([], 'setting/s', 'gate/b'), testMoment);
    const [first, second] = parseChanges(describeChanges(change.head, after)) ?? [];
    assert.deepEqual([first?.[1], second?.[1]], [changes?.[0]?.[2], changes?.[1]?.[2]]);
  });

  it('are read back, unless nobody here wrote them', () => {
    const text = JSON.stringify([['gate/a', null, bodyDigest(Buffer.from('x'))]]);
    assert.deepEqual(JSON.stringify(parseChanges(text)), text);
    assert.deepEqual(parseChanges('[]'), []);
    for (const wrong of [
      '',
      '{',
      'null',
      '{}',
      '["gate/a"]',
      '[[1,null,null]]',
      '[["gate/a",1,null]]',
      '[["gate/a",null]]',
    ]) {
      assert.equal(parseChanges(wrong), undefined, wrong);
    }
  });

  it('have digests as everybody counts them', () => {
    assert.equal(bodyDigest(Buffer.from('')), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});
