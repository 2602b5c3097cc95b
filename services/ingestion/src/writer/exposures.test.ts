import assert from 'node:assert/strict';
import { type Exposure, ExposureKind } from '@sluice/proto';
import fc from 'fast-check';
import { eventOf, exposureOf, idAt, testNowMs } from '../test/events.js';
import { rowOf as wireRowOf } from '../test/wire.js';
import { foldCounts, foldUnits } from './exposures.js';
import type { EventRow } from './rows.js';

const { CONFIG, LAYER } = ExposureKind;

function rowOf(serial: number, timeMs: number, part: Partial<Exposure>): EventRow {
  return wireRowOf(eventOf({ id: idAt(testNowMs, serial), timeMs, exposure: exposureOf(part) }));
}

const group = (serial: number, timeMs: number, groupName: string, unitId = 'u'): EventRow =>
  rowOf(serial, timeMs, { kind: CONFIG, key: 'exp', groupName, ruleId: `rule-${groupName}`, unitId });

describe('foldUnits', () => {
  it('takes the first exposure by time, whatever the order, and marks those seen in two groups', () => {
    const [unit, ...others] = foldUnits([group(1, 300, 'b'), group(2, 100, 'a'), group(3, 200, 'a')]);
    assert.equal(others.length, 0);
    assert.deepEqual([unit?.first.groupName, unit?.firstAtMs, unit?.lastAtMs], ['a', 100, 300]);
    assert.deepEqual([unit?.exposures, unit?.isCrossover], [3, true]);
  });

  it('breaks a tie of times by event id', () => {
    for (const rows of [
      [group(1, 100, 'a'), group(2, 100, 'b')],
      [group(2, 100, 'b'), group(1, 100, 'a')],
    ]) {
      assert.equal(foldUnits(rows)[0]?.first.groupName, 'a');
    }
  });

  it('gives the same for every order of arrival', () => {
    const rows = [0, 1, 2, 3, 4, 5].map((serial) =>
      group(serial, 100 + (serial % 3), 'abc'[serial % 2] ?? '', `u${serial % 2}`),
    );
    const wanted = foldUnits(rows);
    fc.assert(
      fc.property(fc.shuffledSubarray(rows, { minLength: rows.length }), (any) =>
        assert.deepEqual(foldUnits(any), wanted),
      ),
    );
  });

  it('calls a gate that turned a crossover, and one by another rule not', () => {
    const gate = (serial: number, gateValue: boolean, ruleId: string) => rowOf(serial, serial, { gateValue, ruleId });
    assert.equal(foldUnits([gate(1, true, 'a'), gate(2, true, 'b')])[0]?.isCrossover, false);
    assert.equal(foldUnits([gate(1, true, 'a'), gate(2, false, 'a')])[0]?.isCrossover, true);
  });

  it("keeps a layer's experiments apart", () => {
    const layer = (serial: number, allocatedExperiment: string) =>
      rowOf(serial, serial, { kind: LAYER, key: 'layer', allocatedExperiment });
    assert.equal(foldUnits([layer(1, ''), layer(2, 'exp'), layer(3, 'exp')]).length, 2);
  });

  it('takes an id type that is not named for userID', () => {
    assert.equal(foldUnits([rowOf(1, 1, { idType: '' }), rowOf(2, 2, { idType: 'userID' })]).length, 1);
  });
});

describe('foldCounts', () => {
  it('counts by group and day', () => {
    const dayMs = 86_400_000;
    const rows = [group(1, 100, 'a'), group(2, 50, 'a', 'v'), group(3, 100, 'b'), group(4, dayMs, 'a')];
    assert.deepEqual(
      foldCounts(rows).map(({ exposure, day, exposures, firstAtMs, lastAtMs }) => [
        exposure.groupName,
        day,
        exposures,
        firstAtMs,
        lastAtMs,
      ]),
      [
        ['a', '1970-01-01', 2, 50, 100],
        ['a', '1970-01-02', 1, dayMs, dayMs],
        ['b', '1970-01-01', 1, 100, 100],
      ],
    );
  });
});
