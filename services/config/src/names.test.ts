import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';
import fc from 'fast-check';
import { checkDescription, checkProjectName, checkReason, checkSetName, checkVersion, setKey } from './names.js';
import { refusal } from './test/heads.js';

const letter = fc.constantFrom(...'abcxyz0189');
const letterOrDash = fc.constantFrom(...'abcxyz0189-');

describe('the name of a project or environment', () => {
  it('is lower-case letters, digits and dashes, and starts with no dash', () => {
    const rest = fc.string({ unit: letterOrDash, maxLength: 63 });
    fc.assert(
      fc.property(letter, rest, (first, others) => {
        checkProjectName('name', first + others);
      }),
    );
  });

  it('is refused for anything else, with its field', () => {
    const wrong = ['', '-a', 'A', 'a.b', 'a/b', 'a b', 'ä', 'a\n', '\na', 'a_b', 'a*', '>', 'a'.repeat(65)];
    for (const name of wrong) {
      assert.throws(
        () => checkProjectName('set.project', name),
        refusal('invalid', 'set.project', /it must be 1 to 64/),
        name,
      );
    }
  });

  it('is shown in short when it is long', () => {
    assert.throws(
      () => checkProjectName('name', 'A'.repeat(100_000)),
      (error) => error instanceof Error && error.message.length < 300,
    );
  });

  it('is checked for both parts of a set', () => {
    checkSetName({ project: 'shop', environment: 'production' });
    assert.throws(
      () => checkSetName({ project: 'Shop', environment: 'production' }),
      refusal('invalid', 'set.project', /"Shop"/),
    );
    assert.throws(
      () => checkSetName({ project: 'shop', environment: '' }),
      refusal('invalid', 'set.environment', /""/),
    );
    assert.equal(setKey({ project: 'shop', environment: 'production' }), 'shop/production');
  });
});

describe('texts that people write', () => {
  it('have a limit', () => {
    checkReason('x'.repeat(1_000));
    checkDescription('x'.repeat(1_000));
    assert.throws(() => checkReason('x'.repeat(1_001)), refusal('invalid', 'reason', /at most 1000 characters/));
    assert.throws(
      () => checkDescription('x'.repeat(1_001)),
      refusal('invalid', 'description', /has 1001 .* limit is 1000/),
    );
  });
});

describe('an expected version', () => {
  const changed = { version: 4, changedBy: 'bob', changedAtMs: Date.UTC(2026, 10, 22) };

  it('may be absent, or the one that stands', () => {
    checkVersion('shop', changed, undefined);
    checkVersion('shop', changed, 4);
  });

  it('is a conflict otherwise, with who changed it and when', () => {
    assert.throws(
      () => checkVersion('shop', changed, 3),
      refusal(
        'conflict',
        'expected_version',
        /shop is at version 4, not 3: "bob" changed it at 2026-11-22T00:00:00.000Z; look at it again/,
      ),
    );
    assert.throws(
      () => checkVersion('shop', changed, 3, { label: ['a', 'a'], description: ['ours', 'x'.repeat(100)] }),
      (error) => {
        assert(error instanceof SluiceError);
        const message = `yours "ours", stored "${'x'.repeat(80)}…"`;
        assert.deepEqual(error.problems.slice(1), [{ field: 'description', message }]);
        return error.message.endsWith(`; they differ in description: ${message}; look at it again, then repeat`);
      },
    );
    assert.throws(
      () => checkVersion('shop', { version: 1 }, 0),
      refusal('conflict', 'expected_version', /somebody changed it;/),
    );
  });
});
