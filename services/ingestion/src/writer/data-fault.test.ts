import assert from 'node:assert/strict';
import { isDataFault, textOfError } from './data-fault.js';

const refused = (code: string): Error => Object.assign(new Error('refused'), { code });

describe('isDataFault', () => {
  it('blames the data for what will be refused again', () => {
    for (const code of ['22P02', '22021', '23502', '54000']) assert.equal(isDataFault(refused(code)), true, code);
    assert.equal(isDataFault(new Error('outer', { cause: refused('22003') })), true);
  });

  it('does not blame it for what passes by itself', () => {
    for (const code of ['57P01', '53100', '40P01', '08006', '42P01', 'ECONNREFUSED']) {
      assert.equal(isDataFault(refused(code)), false, code);
    }
    assert.equal(isDataFault('text'), false);
  });
});

describe('textOfError', () => {
  it('tells the causes too, in a form that can be stored', () => {
    assert.equal(textOfError(new Error('outer', { cause: new Error('in\0ner') })), 'outer: inner');
    assert.equal(textOfError(undefined), 'undefined');
  });
});
