import assert from 'node:assert/strict';
import { unavailable } from '@sluice/mesh';
import { type Event, LogEventsRequest, Outcome } from '@sluice/proto';
import { EventImport, type ImportBatch, type LineProblem, type Standing } from './event-import.js';
import { derivedId, eventOfLine } from './event-line.js';
import { linesOf } from './lines.js';
import { progressLine } from './progress-bar.js';

const place = { file: 'a.ndjson', line: 7 };
const time = '2026-11-23T10:00:00Z';
const lineOf = (part: object = {}) => JSON.stringify({ name: 'purchase', time, user: { userID: 'ada' }, ...part });

async function* chunksOf(text: string | Buffer, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a line of events', () => {
  it('is an event with everything that it says', () => {
    const event = eventOfLine(lineOf({ value: 9.5, metadata: { a: [1] }, id: 'own' }), place);
    assert.deepEqual([event.id, event.name, event.timeMs], ['own', 'purchase', Date.parse(time)]);
    assert.deepEqual([event.value, event.metadataJson], [{ $case: 'numberValue', value: 9.5 }, '{"a":[1]}']);
    assert.equal(event.user?.userId, 'ada');
    assert.equal(eventOfLine(lineOf({ time: 1_700_000_000_000 }), place).timeMs, 1_700_000_000_000);
    assert.equal(eventOfLine(lineOf({ exposure: { kind: 1, key: 'g' } }), place).exposure?.key, 'g');
  });

  it('has the same id in each import, and another in another place', () => {
    const { id } = eventOfLine(lineOf(), place);
    assert.equal(id, eventOfLine(lineOf(), place).id);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), Date.parse(time));
    const others = [
      derivedId(lineOf(), { ...place, line: 8 }, Date.parse(time)),
      derivedId(lineOf(), { ...place, file: 'b.ndjson' }, Date.parse(time)),
      derivedId(lineOf({ value: 1 }), place, Date.parse(time)),
    ];
    assert.equal(new Set([id, ...others]).size, 4);
  });

  const bad: [string, RegExp][] = [
    ['{"name":', /^line: is not JSON at position 8/],
    ['[1]', /^line: must be a JSON object/],
    [lineOf({ name: '' }), /^name: is missing/],
    [lineOf({ time: '2026-11-23T10:00:00' }), /^time: must be .* with a zone/],
    [lineOf({ time: 1.5 }), /^time: /],
    [lineOf({ value: true }), /^value: /],
    [lineOf({ user: undefined }), /^user: is missing/],
    [lineOf({ metadata: [] }), /^metadata: must be an object/],
    [lineOf({ userId: 'x' }), /^userId: is not known; a line has id, name/],
  ];
  for (const [line, message] of bad) {
    it(`is refused: ${line.slice(0, 40)}`, () => assert.throws(() => eventOfLine(line, place), { message }));
  }
});

describe('lines', () => {
  it('are cut wherever the chunks end, the last one without its end', async () => {
    const text = 'eins\n\r\n zwei ü \nthree';
    for (let size = 1; size <= text.length + 2; size++) {
      const lines = await all(linesOf(chunksOf(text, size), 100));
      assert.deepEqual(
        lines.map((line) => [line.number, line.text]),
        [
          [1, 'eins'],
          [2, ''],
          [3, 'zwei ü'],
          [4, 'three'],
        ],
      );
      assert.equal(Buffer.concat(lines.map(({ bytes }) => bytes)).toString(), text);
    }
  });

  it('that are too long, or no text, have a problem and cost no other', async () => {
    const bytes = Buffer.concat([Buffer.from(`a\n${'x'.repeat(50)}\n`), Buffer.from([0xff, 0x0a]), Buffer.from('b')]);
    for (let size = 1; size <= bytes.length; size++) {
      const lines = await all(linesOf(chunksOf(bytes, size), 20));
      assert.deepEqual(
        lines.map(({ text, length, problem }) => [text, length, problem]),
        [
          ['a', 2, undefined],
          ['', 51, 'is longer than 20 bytes'],
          ['', 2, 'is not UTF-8 text'],
          ['b', 1, undefined],
        ],
      );
      assert.ok(lines.every((line) => line.bytes.length <= 20));
    }
  });
});

describe('an import of events', () => {
  const file = Array.from({ length: 3_000 }, (_, at) => lineOf({ value: at })).join('\n');

  /** Imports a text; ingestion takes so many events and then goes away. */
  async function run(text: string | Buffer, from?: Standing, takes = Number.POSITIVE_INFINITY) {
    const sent: Event[] = [];
    const batches: ImportBatch[] = [];
    const problems: LineProblem[] = [];
    let standing: Standing | undefined;
    const work = new EventImport({
      file: 'f',
      from,
      send: async (batch) => {
        const { events } = batch;
        batches.push(batch);
        if (sent.length + events.length > takes) throw unavailable('away');
        sent.push(...events);
        return events.map(({ name }) => ({
          outcome: name === 'bad' ? Outcome.REJECTED : Outcome.ACCEPTED,
          reason: name === 'bad' ? 'name: is bad' : '',
        }));
      },
      onStanding: (now) => {
        standing = now;
      },
      onProblem: (problem) => void problems.push(problem),
    });
    const failure = await work.run(linesOf(chunksOf(text, 65_536), 1_048_576)).then(
      () => undefined,
      (error: unknown) => error,
    );
    return { sent, batches, problems, standing, failure, end: work.close().report };
  }

  it('sends every line once, in order, and goes on where it stopped', async () => {
    const first = await run(file, undefined, 1_200);
    assert.match(String(first.failure), /lines 1001 to 1500: away/);
    assert.equal(first.standing?.lines, 1_000);
    const second = await run(file, first.standing);
    assert.equal(second.failure, undefined);
    assert.equal(second.standing?.accepted, 3_000);
    const ids = [...first.sent.slice(0, 1_000), ...second.sent].map(({ id }) => id);
    const whole = await run(file);
    assert.deepEqual(
      ids,
      whole.sent.map(({ id }) => id),
    );
    const third = await run(file, second.standing);
    assert.deepEqual([third.sent.length, third.standing?.accepted], [0, 3_000]);
  });

  it('takes up lines that were added, and refuses a file that has changed', async () => {
    const first = await run(file);
    const longer = await run(`${file}\n${lineOf({ value: 'new' })}\n`, first.standing);
    assert.deepEqual([longer.sent.length, longer.standing?.accepted], [1, 3_001]);
    const changed = await run(file.replace('"value":5', '"value":6'), first.standing);
    assert.match(String(changed.failure), /first 3000 lines have changed/);
    assert.equal(changed.sent.length, 0);
    const shorter = await run(lineOf(), first.standing);
    assert.match(String(shorter.failure), /have changed/);
  });

  it('names each line that is not taken, and goes on', async () => {
    const text = [lineOf(), 'no json', '', lineOf({ name: 'bad' }), lineOf({ value: 2 })].join('\n');
    const { problems, standing } = await run(text);
    assert.deepEqual(
      problems.map(({ line, reason }) => [line, reason.slice(0, 12)]),
      [
        [2, 'line: is not'],
        [4, 'name: is bad'],
      ],
    );
    assert.deepEqual([standing?.accepted, standing?.rejected, standing?.lines], [2, 2, 5]);
  });

  describe('and its requests', () => {
    it('are within what ingestion takes, whatever the lines are', async () => {
      const large = (length: number) => lineOf({ metadata: { a: 'x'.repeat(length) } });
      const text = [...Array.from({ length: 40 }, () => large(200_000)), large(300_000), lineOf()].join('\n');
      const { batches, problems, standing } = await run(text);
      for (const { events, sourceId, sequence, report } of batches) {
        const request = { set: undefined, events: [...events], sentAtMs: 0, sourceId, sequence, report };
        assert.ok(LogEventsRequest.encode(request).finish().length < 1_048_576);
      }
      assert.deepEqual(
        problems.map(({ line, reason }) => [line, reason.replace(/\d+/, 'n')]),
        [[41, 'is an event of n bytes; at most 262144 can be sent']],
      );
      assert.deepEqual([standing?.accepted, standing?.rejected], [41, 1]);
    });

    it('go on behind lines that are no text', async () => {
      const broken = Buffer.concat([Buffer.from(`${lineOf()}\n`), Buffer.from([0xff, 0x0a]), Buffer.from(lineOf())]);
      const { problems, standing } = await run(broken);
      assert.deepEqual(problems, [{ line: 2, reason: 'is not UTF-8 text' }]);
      assert.deepEqual([standing?.accepted, standing?.lines], [2, 3]);
      assert.deepEqual([(await run(broken, standing)).sent.length], [0], 'the digest holds for such lines, too');
    });

    it('are numbered as those of one source, over all runs, and its books balance in each', async () => {
      const text = [...file.split('\n').slice(0, 1_400), 'no json', lineOf({ name: 'bad' })].join('\n');
      const first = await run(text, undefined, 700);
      const second = await run(text, first.standing);
      const batches = [...first.batches, ...second.batches];
      assert.equal(new Set(batches.map(({ sourceId }) => sourceId)).size, 1);
      // What was sent again has the numbers that it had.
      const numbered = new Map<string, number>();
      for (const { events, sequence } of batches) {
        for (const [at, { id }] of events.entries()) {
          assert.equal(numbered.get(id) ?? sequence + at, sequence + at);
          numbered.set(id, sequence + at);
        }
      }
      assert.deepEqual(
        [...numbered.values()].sort((one, other) => one - other),
        Array.from({ length: 1_401 }, (_, at) => at + 1),
      );
      const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, n) => sum + n, 0);
      for (const report of [...batches.map((batch) => batch.report), second.end]) {
        const { generated, accepted, duplicate, rejected, dropped, inFlight } = report;
        assert.equal(generated, accepted + duplicate + total(rejected) + total(dropped) + inFlight);
      }
      const { isClosed, sequenced, rejected, dropped } = second.end;
      assert.deepEqual([isClosed, sequenced, rejected, dropped], [true, 1_401, { name: 1 }, { unfit: 1 }]);
      const numbers = second.batches.map(({ report }) => report.number);
      assert.ok(numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0)));
    });
  });
});

describe('the progress bar', () => {
  it('grows with what is done and guesses what is left', () => {
    const line = (done: number) => progressLine({ done, total: 1000, words: '5 events', elapsedMs: 10_000 });
    assert.equal(line(0), `▕${' '.repeat(24)}▏ 0 %  5 events`);
    assert.equal(line(500), `▕${'█'.repeat(12)}${' '.repeat(12)}▏ 50 %  5 events  10 s left`);
    assert.equal(line(2_000), `▕${'█'.repeat(24)}▏ 100 %  5 events`);
    for (let done = 0; done <= 1_000; done++) assert.equal(line(done).indexOf('▏', 1) >= 1, true);
    assert.equal(progressLine({ done: 5, total: 0, words: '5 events', elapsedMs: 2_000 }), '5 events  2 s');
  });
});
