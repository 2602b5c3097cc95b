/** From the lines of a file to ingestion, in order, with a few batches on their way. */
import { createHash, type Hash } from 'node:crypto';
import { invalid } from '@sluice/mesh';
import { Event, type EventOutcome, Outcome } from '@sluice/proto';
import { eventOfLine, problemOf } from './event-line.js';
import type { Line } from './lines.js';

/** A line that was not taken. */
export interface LineProblem {
  readonly line: number;
  readonly reason: string;
}

/** Everything up to a line, as it was answered for. */
export interface Standing {
  /** Lines that are done with. */
  readonly lines: number;
  /** SHA-256 of them. */
  readonly digest: string;
  readonly bytes: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
}

export interface EventImportOptions {
  /** What ids are derived from. */
  readonly file: string;
  /** Where an earlier import stopped. */
  readonly from: Omit<Standing, 'bytes'> | undefined;
  readonly send: (events: readonly Event[]) => Promise<readonly EventOutcome[]>;
  /** Told after each batch. */
  readonly onStanding: (standing: Standing) => void;
  readonly onProblem: (problem: LineProblem) => void;
}

interface Batch {
  readonly events: Event[];
  /** The line of each event. */
  readonly places: number[];
  bytes: number;
  unread: LineProblem[];
}

interface Sent extends Batch {
  readonly lines: number;
  readonly digest: string;
  readonly endBytes: number;
  readonly outcomes: Promise<readonly EventOutcome[]>;
}

const batchEventsMax = 500;
const batchBytesMax = 768 * 1024;
const newline = 0x0a;
/** Batches on their way: enough to keep the log busy while lines are read. */
const underwayMax = 4;

export class EventImport {
  readonly #options: EventImportOptions;
  readonly #hash: Hash = createHash('sha256');
  readonly #underway: Sent[] = [];
  #batch: Batch = emptyBatch();
  #lines = 0;
  #bytes = 0;
  #standing: Standing;

  constructor(options: EventImportOptions) {
    this.#options = options;
    this.#standing = { digest: '', lines: 0, accepted: 0, duplicate: 0, rejected: 0, ...options.from, bytes: 0 };
  }

  /** @throws SluiceError of the first batch that could not be delivered, or `invalid` when lines that were imported have changed. */
  async run(lines: AsyncIterable<Line>): Promise<Standing> {
    for await (const line of lines) {
      // The last line may get its end only when others follow.
      this.#hash.update(line.bytes.at(-1) === newline ? line.bytes.subarray(0, -1) : line.bytes).update('\n');
      this.#lines = line.number;
      this.#bytes += line.bytes.length;
      if (this.#isDone(line.number)) continue;
      if (line.text !== '') this.#take(line);
      if (this.#batch.events.length >= batchEventsMax || this.#batch.bytes >= batchBytesMax) await this.#sendBatch();
    }
    this.#requireAllRead();
    await this.#sendBatch();
    while (this.#underway.length > 0) await this.#settleFirst();
    return this.#standing;
  }

  /** Lines of an earlier import are passed over; at the last of them it shows whether they are the same. */
  #isDone(line: number): boolean {
    const { from } = this.#options;
    if (!from || line > from.lines) return false;
    if (line === from.lines && this.#digest() !== from.digest) throw changed(from.lines);
    return true;
  }

  #requireAllRead(): void {
    const { from } = this.#options;
    if (from && this.#lines < from.lines) throw changed(from.lines);
  }

  #take({ text, number }: Line): void {
    try {
      const event = eventOfLine(text, { file: this.#options.file, line: number });
      this.#batch.events.push(event);
      this.#batch.places.push(number);
      this.#batch.bytes += Event.encode(event).finish().length;
    } catch (error) {
      this.#batch.unread.push({ line: number, reason: problemOf(error) });
    }
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#batch;
    this.#batch = emptyBatch();
    const outcomes = batch.events.length > 0 ? this.#options.send(batch.events) : Promise.resolve([]);
    // Whoever waits for the batches before this one must not be told of its failure by the process.
    outcomes.catch(() => undefined);
    this.#underway.push({ ...batch, lines: this.#lines, digest: this.#digest(), endBytes: this.#bytes, outcomes });
    while (this.#underway.length >= underwayMax) await this.#settleFirst();
  }

  /** In order: what is said of a line holds for all before it. */
  async #settleFirst(): Promise<void> {
    const sent = this.#underway[0];
    if (!sent) return;
    const outcomes = await sent.outcomes;
    this.#underway.shift();
    const counts = { accepted: 0, duplicate: 0, rejected: sent.unread.length };
    const problems = [...sent.unread];
    for (const [at, line] of sent.places.entries()) {
      const { outcome, reason = 'was not answered for' } = outcomes[at] ?? {};
      if (outcome === Outcome.ACCEPTED) counts.accepted++;
      else if (outcome === Outcome.DUPLICATE) counts.duplicate++;
      else {
        counts.rejected++;
        problems.push({ line, reason });
      }
    }
    for (const problem of problems.sort((a, b) => a.line - b.line)) this.#options.onProblem(problem);
    const { accepted, duplicate, rejected } = this.#standing;
    this.#standing = {
      lines: sent.lines,
      digest: sent.digest,
      bytes: sent.endBytes,
      accepted: accepted + counts.accepted,
      duplicate: duplicate + counts.duplicate,
      rejected: rejected + counts.rejected,
    };
    this.#options.onStanding(this.#standing);
  }

  #digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

const emptyBatch = (): Batch => ({ events: [], places: [], bytes: 0, unread: [] });

function changed(lines: number): Error {
  return invalid(
    'file',
    `is not what was imported before: its first ${lines} lines have changed; give --restart to send all lines, or --as for a file of its own`,
  );
}
