import assert from 'node:assert/strict';
import { forbidden, invalid, SluiceError } from '@sluice/mesh';
import { Section } from '@sluice/proto';
import { inWords, reworded, wordingOf } from './refusal.js';

const wording = wordingOf('experiment/button', { section: Section.CONFIG, name: 'button' }, 'name');

describe('a refusal', () => {
  const cases: [string, string, string][] = [
    ['ref.name', 'there is no config/button', 'name: there is no experiment/button'],
    ['writes[3].expected_version', 'is wrong', '--expected-version: is wrong'],
    ['unit_ids[12]', 'is empty; leave it out', 'ids: is empty; leave it out'],
    ['config/button rules[0].passPercentage', 'is 101', 'experiment/button rules[0].passPercentage: is 101'],
    ['reason', 'is too long', 'reason: is too long'],
  ];
  for (const [field, message, expected] of cases) {
    it(`at ${field} is told as ${expected}`, () => {
      const error = reworded(invalid(field, message), wording);
      assert.deepEqual([error.kind, error.message], ['invalid', expected]);
    });
  }

  it('has a line for each side of a conflict, and what to do on the first', () => {
    const problems = [
      { field: 'writes[0].expected_version', message: 'config/button is at version 2, not 1' },
      { field: 'config/button salt', message: 'yours "a", stored "b"' },
    ];
    const { message } = reworded(new SluiceError('conflict', 'all in one line', { problems }), wording);
    assert.deepEqual(message.split('\n'), [
      '--expected-version: experiment/button is at version 2, not 1; look at it with `sluice experiment show button`, then repeat',
      'experiment/button salt: yours "a", stored "b"',
    ]);
  });

  it('without a field stays as it is, and so does every other error', async () => {
    const refusal = forbidden('No.');
    assert.equal(reworded(refusal, wording), refusal);
    const fault = new TypeError('oh');
    await assert.rejects(inWords(wording, Promise.reject(fault)), (error) => error === fault);
    assert.equal(await inWords(wording, Promise.resolve(5)), 5);
  });
});
