import assert from 'node:assert/strict';
import { arrivalsOf } from './arrivals.js';
import { plainStyle } from './style.js';

const ack = (instance: string, revision: number, latencyMs: number, isForeign = false) => ({
  instance,
  region: 'local',
  revision,
  latencyMs,
  isForeign,
});

describe('arrivals', () => {
  it('are nothing without a wait', () => {
    const { document, isLate, text } = arrivalsOf(undefined, 7);
    assert.deepEqual(document, { isEverywhere: null, evaluators: [] });
    assert.deepEqual([isLate, text(plainStyle)], [false, '']);
  });

  it('tell the slowest when all have it', () => {
    const acknowledgements = [ack('evaluation-1', 7, 4.04), ack('evaluation-2', 9, 12.5)];
    const { document, isLate, text } = arrivalsOf({ acknowledgements, isComplete: true }, 7);
    assert.deepEqual(
      document.evaluators.map(({ instance, hasIt }) => [instance, hasIt]),
      [
        ['evaluation-1', true],
        ['evaluation-2', true],
      ],
    );
    assert.deepEqual([document.isEverywhere, isLate], [true, false]);
    assert.deepEqual(text(plainStyle).split('\n'), [
      '',
      'EVALUATOR     REGION    AFTER',
      'evaluation-1  local    4.0 ms',
      'evaluation-2  local   12.5 ms',
      'every evaluator has it after 12.5 ms',
    ]);
  });

  it('are late when one has it not', () => {
    const acknowledgements = [ack('evaluation-1', 7, 4), ack('evaluation-2', 6, 0)];
    const { document, isLate, text } = arrivalsOf({ acknowledgements, isComplete: false }, 7);
    assert.deepEqual([document.isEverywhere, isLate, document.evaluators[1]?.hasIt], [false, true, false]);
    assert.match(text(plainStyle), /evaluation-2 .* not yet, at revision 6\nnot every evaluator had it in time; /);
  });

  it('are missing where an evaluator holds a later number of another history', () => {
    const acknowledgements = [ack('evaluation-1', 7, 4), ack('evaluation-2', 120, 0, true)];
    const { document, text } = arrivalsOf({ acknowledgements, isComplete: false }, 7);
    assert.equal(document.evaluators[1]?.hasIt, false);
    assert.match(text(plainStyle), /evaluation-2 .* no: its revision 120 is of another history than config's\n/);
  });

  it('say that nobody is there to wait for', () => {
    const { text } = arrivalsOf({ acknowledgements: [], isComplete: true }, 7);
    assert.equal(text(plainStyle), '\nno evaluator is alive to wait for');
  });
});
