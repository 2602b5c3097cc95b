import assert from 'node:assert/strict';
import { Restraint } from './restraint.js';

const sweepMs = 10;
const heldMax = 1_000;

/** A thread that answers so many calls per millisecond, and two keys that make so many each. */
class Thread {
  readonly restraint = new Restraint(heldMax, 0);
  readonly #perMs: number;
  nowMs = 0;
  passed = 0;
  turnedAway = 0;
  utilization = 0;

  constructor(perMs: number) {
    this.#perMs = perMs;
  }

  /** @returns the calls of the greedy key that went on. */
  run(forMs: number, greedyPerMs: number, goodPerMs: number): number {
    const before = this.passed;
    for (const untilMs = this.nowMs + forMs; this.nowMs < untilMs; this.nowMs += sweepMs) {
      const passed = this.passed;
      const good = Math.ceil(goodPerMs * sweepMs);
      for (let call = 0; call < good; call++) assert.ok(this.restraint.mayPass('good'), 'a good call was held');
      for (let call = 0; call < greedyPerMs * sweepMs; call++) this.#call();
      this.restraint.sweep(this.nowMs, this.utilization);
      this.utilization = Math.min((this.passed - passed + good) / sweepMs / this.#perMs, 1);
    }
    return this.passed - before;
  }

  #call(): void {
    const goOn = (): boolean => ++this.passed > 0;
    if (this.restraint.mayPass('greedy')) goOn();
    else if (!this.restraint.hold(goOn)) this.turnedAway++;
  }
}

describe('a greedy key', () => {
  it('is held to what leaves some of the time to others', () => {
    const thread = new Thread(10);
    thread.run(1_000, 100, 0.5);
    assert.equal(thread.restraint.greedy, 'greedy');
    const busy: number[] = [];
    for (let round = 0; round < 100; round++) {
      thread.run(sweepMs, 100, 0.5);
      busy.push(thread.utilization);
    }
    const mean = busy.reduce((sum, one) => sum + one, 0) / busy.length;
    assert.ok(mean > 0.6 && mean < 0.9, `busy for ${mean} of the time`);
    assert.ok(thread.turnedAway > 0, 'what waits has a limit');
  });

  it('makes its calls as before once it asks for less', () => {
    const thread = new Thread(10);
    thread.run(1_000, 100, 0.5);
    thread.run(5_000, 1, 0.5);
    assert.equal(thread.restraint.greedy, undefined);
    assert.equal(thread.run(1_000, 1, 0.5), 1_000);
  });

  it('is not held back while there is time for all, nor while it is alone', () => {
    const idle = new Thread(1_000);
    assert.equal(idle.run(1_000, 100, 0.5), 100_000);
    const alone = new Thread(10);
    assert.equal(alone.run(1_000, 100, 0), 100_000);
  });

  it('is let go by and by when the others have gone', () => {
    const thread = new Thread(10);
    thread.run(1_000, 30, 0.5);
    const { passed } = thread;
    assert.equal(thread.restraint.greedy, 'greedy');
    thread.run(4_000, 3, 0);
    assert.equal(thread.restraint.greedy, undefined);
    assert.ok(thread.passed - passed >= 12_000, 'what waited has gone on');
  });

  it('goes on at its rate, whoever gave up waiting', () => {
    const restraint = new Restraint(heldMax, 0);
    for (let nowMs = 10; nowMs <= 200; nowMs += sweepMs) {
      for (let call = 0; call < 100; call++) restraint.mayPass('greedy');
      restraint.mayPass('good');
      restraint.sweep(nowMs, 1);
    }
    let gone = 0;
    let passed = 0;
    while (restraint.mayPass('greedy'));
    for (let call = 0; call < 500; call++) restraint.hold(() => ++gone < 0);
    for (let call = 0; call < 20; call++) restraint.hold(() => ++passed > 0);
    restraint.sweep(210, 0.5);
    assert.equal(gone, 500);
    assert.equal(passed, 20);
  });

  it('is none while others call as much', () => {
    const thread = new Thread(10);
    assert.equal(thread.run(1_000, 100, 30), 100_000);
  });

  it('has nothing left behind when all is over', () => {
    const thread = new Thread(10);
    thread.run(1_000, 20, 0.5);
    const { passed, turnedAway } = thread;
    thread.restraint.close();
    assert.equal(thread.restraint.greedy, undefined);
    assert.equal(thread.passed + thread.turnedAway, 20_000, `${passed} and ${turnedAway} before`);
  });
});
