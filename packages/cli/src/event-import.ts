/** From the lines of a file to ingestion, in order, with a few batches on their way. */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { invalid, SluiceError } from '@sluice/mesh';
import { Event, type EventOutcome, Outcome, type SourceReport } from '@sluice/proto';
import { eventOfLine, problemOf } from './event-line.js';
import { addOutcomes, reportOf, type Settled, settledAtFirst, unanswered } from './import-books.js';
import type { Line } from './lines.js';

/** A line that was not taken. */
export interface LineProblem {
  readonly line: number;
  readonly reason: string;
}

/** Everything up to a line, as it was answered for. */
export interface Standing extends Settled {
  /** Lines that are done with. */
  readonly lines: number;
  /** SHA-256 of them. */
  readonly digest: string;
  readonly bytes: number;
}

/** What goes out together: events, the number of the first, and how the import stands. */
export interface ImportBatch {
  readonly events: readonly Event[];
  readonly sourceId: string;
  readonly sequence: number;
  readonly report: SourceReport;
}

export interface EventImportOptions {
  /** What ids are derived from. */
  readonly file: string;
  /** Where an earlier import stopped. */
  readonly from: Omit<Standing, 'bytes'> | undefined;
  readonly send: (batch: ImportBatch) => Promise<readonly EventOutcome[]>;
  /** Told before the first batch, and after each. */
  readonly onStanding: (standing: Standing) => void;
  readonly onProblem: (problem: LineProblem) => void;
}

interface Batch {
  readonly events: Event[];
  /** The line of each event. */
  readonly places: number[];
  readonly unread: LineProblem[];
  bytes: number;
}

interface Sent extends Batch {
  readonly lines: number;
  readonly digest: string;
  readonly endBytes: number;
  readonly outcomes: Promise<readonly EventOutcome[]>;
}

/** What a line says: an event with its bytes in a request, or why it is none. */
type Reading = { readonly event: Event; readonly bytes: number } | { readonly reason: string };

const batchEventsMax = 500;
/** Ingestion takes requests of 1 MiB. */
const batchBytesMax = 768 * 1024;
/** Larger than any event that ingestion takes. */
const eventBytesMax = 256 * 1024;
/** The tag and length of an event in its request, in bytes. */
const frameBytes = 6;
/** Lines that are no events, of one batch: a file of nothing else must not pile up. */
const unreadMax = 1_000;
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
  #reports = 0;

  constructor(options: EventImportOptions) {
    this.#options = options;
    this.#standing = { ...settledAtFirst(randomUUID()), digest: '', lines: 0, ...options.from, bytes: 0 };
  }

  /** @throws SluiceError of the first batch that could not be delivered, naming its lines, or `invalid` when lines that were imported have changed. */
  async run(lines: AsyncIterable<Line>): Promise<Standing> {
    const doneLines = this.#options.from?.lines ?? 0;
    for await (const line of lines) {
      const reading = line.number > doneLines ? this.#read(line) : undefined;
      if (reading && 'event' in reading && this.#batch.bytes + reading.bytes > batchBytesMax) await this.#sendBatch();
      this.#pass(line);
      if (line.number === doneLines) this.#requireSame(doneLines);
      if (reading) this.#take(reading, line.number);
      const { events, unread } = this.#batch;
      if (events.length >= batchEventsMax || unread.length >= unreadMax) await this.#sendBatch();
    }
    if (this.#lines < doneLines) throw changed(doneLines);
    await this.#sendBatch();
    while (this.#underway.length > 0) await this.#settleFirst();
    return this.#standing;
  }

  /** The books as they are in the end. */
  close(): Pick<ImportBatch, 'sourceId' | 'report'> {
    return { sourceId: this.#standing.sourceId, report: this.#report(0, true) };
  }

  #pass({ bytes, length, number }: Line): void {
    // The last line may get its end only when others follow.
    this.#hash.update(bytes.at(-1) === newline ? bytes.subarray(0, -1) : bytes).update('\n');
    this.#lines = number;
    this.#bytes += length;
  }

  /** Lines of an earlier import are passed over; at the last of them it shows whether they are the same. */
  #requireSame(lines: number): void {
    if (this.#digest() !== this.#options.from?.digest) throw changed(lines);
  }

  #read({ text, number, problem }: Line): Reading | undefined {
    if (problem !== undefined) return { reason: problem };
    if (text === '') return undefined;
    try {
      const event = eventOfLine(text, { file: this.#options.file, line: number });
      const bytes = Event.encode(event).finish().length;
      if (bytes <= eventBytesMax) return { event, bytes: bytes + frameBytes };
      return { reason: `is an event of ${bytes} bytes; at most ${eventBytesMax} can be sent` };
    } catch (error) {
      return { reason: problemOf(error) };
    }
  }

  #take(reading: Reading, line: number): void {
    if ('reason' in reading) {
      this.#batch.unread.push({ line, reason: reading.reason });
      return;
    }
    this.#batch.events.push(reading.event);
    this.#batch.places.push(line);
    this.#batch.bytes += reading.bytes;
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#batch;
    this.#batch = emptyBatch();
    const outcomes = batch.events.length > 0 ? this.#send(batch.events) : Promise.resolve([]);
    // Whoever waits for the batches before this one must not be told of its failure by the process.
    outcomes.catch(() => undefined);
    this.#underway.push({ ...batch, lines: this.#lines, digest: this.#digest(), endBytes: this.#bytes, outcomes });
    while (this.#underway.length >= underwayMax) await this.#settleFirst();
  }

  #send(events: readonly Event[]): Promise<readonly EventOutcome[]> {
    // Numbers that go out belong to a source: the next run must know which.
    if (this.#reports === 0) this.#options.onStanding(this.#standing);
    const before = this.#underway.reduce((sum, sent) => sum + sent.events.length, 0);
    const { sourceId, sequenced } = this.#standing;
    const report = this.#report(before + events.length, false);
    return this.#options.send({ events, sourceId, sequence: sequenced + before + 1, report });
  }

  /** Whoever resumes goes on above the reports of the last run, which it does not know: time does it. */
  #report(inFlight: number, isClosed: boolean): SourceReport {
    this.#reports = Math.max(this.#reports + 1, Date.now());
    return reportOf(this.#standing, inFlight, this.#reports, isClosed);
  }

  /** In order: what is said of a line holds for all before it. */
  async #settleFirst(): Promise<void> {
    const sent = this.#underway[0];
    if (!sent) return;
    const { places, unread, lines, digest, endBytes: bytes } = sent;
    const outcomes = await sent.outcomes.catch((error: unknown) => {
      throw atLines(error, places);
    });
    this.#underway.shift();
    const refused = places.flatMap((line, at) => {
      const { outcome, reason } = outcomes[at] ?? unanswered;
      return outcome === Outcome.ACCEPTED || outcome === Outcome.DUPLICATE ? [] : [{ line, reason }];
    });
    for (const problem of [...unread, ...refused].sort((a, b) => a.line - b.line)) this.#options.onProblem(problem);
    this.#standing = {
      ...addOutcomes(this.#standing, outcomes, places.length, unread.length),
      ...{ lines, digest, bytes },
    };
    this.#options.onStanding(this.#standing);
  }

  #digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

const emptyBatch = (): Batch => ({ events: [], places: [], bytes: 0, unread: [] });

/** The failure of a batch says which lines it is about. */
function atLines(error: unknown, places: readonly number[]): unknown {
  if (!(error instanceof SluiceError)) return error;
  const message = `lines ${places[0]} to ${places.at(-1)}: ${error.message}`;
  const { kind, problems, retryAfterMs } = error;
  return new SluiceError(kind, message, {
    problems,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause: error,
  });
}

function changed(lines: number): Error {
  return invalid(
    'file',
    `is not what was imported before: its first ${lines} lines have changed; give --restart to send all lines, or --as for a file of its own`,
  );
}
