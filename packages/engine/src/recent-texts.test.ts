import assert from 'node:assert/strict';
import { RecentTexts } from './recent-texts.js';

/** Writes 1 into a text's first cell; says whether it had been written before. */
function see(recent: RecentTexts, text: string): boolean {
  const row = recent.rowOf(text);
  if (row < 0) return false;
  const isKnown = recent.cells[row] === 1;
  recent.cells[row] = 1;
  return isKnown;
}

describe('recent texts', () => {
  it('keep their rows while they come again', () => {
    const recent = new RecentTexts();
    recent.takeColumn();
    const texts = Array.from({ length: 1000 }, (_, i) => `unit-${i}`);
    assert.equal(texts.filter((text) => see(recent, text)).length, 0);
    assert.equal(texts.filter((text) => see(recent, text)).length, 1000);
  });

  it('give their rows, emptied, to newer texts', () => {
    const recent = new RecentTexts();
    recent.takeColumn();
    let known = 0;
    for (let i = 0; i < 10_000; i++) {
      // One that always comes again keeps the table in use.
      see(recent, 'again');
      see(recent, 'and again');
      if (see(recent, `unit-${i}`)) known++;
    }
    assert.equal(known, 0);
    assert.ok(recent.cells.length < 50_000);
  });

  it('leave texts that never repeat alone, and look again later', () => {
    const recent = new RecentTexts();
    recent.takeColumn();
    let kept = 0;
    const count = 200_000;
    for (let i = 0; i < count; i++) if (recent.rowOf(`unit-${i}`) >= 0) kept++;
    assert.ok(kept > 0 && kept < count / 5, `${kept} of ${count} were kept`);
    // From here on the same few come: sooner or later they are known.
    let known = 0;
    for (let i = 0; i < 100_000; i++) if (see(recent, `few-${i % 10}`)) known++;
    assert.ok(known > 10_000, `${known} were known`);
  });

  it('keep nothing about long texts, nor without a question', () => {
    const recent = new RecentTexts();
    assert.equal(recent.rowOf('a'), -1);
    recent.takeColumn();
    assert.equal(recent.rowOf('x'.repeat(65)), -1);
    assert.ok(recent.rowOf('a') >= 0);
  });

  it('forget everything rather than mix up rows when columns are added', () => {
    const recent = new RecentTexts();
    recent.takeColumn();
    see(recent, 'a');
    see(recent, 'b');
    for (let i = 0; i < 100; i++) recent.takeColumn();
    const row = recent.rowOf('b');
    assert.ok(recent.cells.subarray(row, row + 101).every((cell) => cell === 0));
    assert.ok(Math.abs(recent.rowOf('a') - row) > 100);
  });

  it('take no more memory with many columns', () => {
    const recent = new RecentTexts();
    for (let i = 0; i < 20_000; i++) recent.takeColumn();
    for (let i = 0; i < 5_000; i++) recent.rowOf(`unit-${i}`);
    assert.ok(recent.cells.byteLength <= 4 * 2 ** 20);
  });
});
