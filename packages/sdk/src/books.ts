import { type EventOutcome, Outcome, type SourceReport } from '@sluice/proto';

/** Why an event was never sent, or given up. */
export type DropReason =
  /** Shown to the same unit less than a minute ago: it would count nothing new. */
  | 'deduplicated'
  /** Memory was full, and so was the spool if there is one. */
  | 'queueFull'
  /** Larger than one event may be, or nothing that can be sent. */
  | 'unfit'
  /** Ingestion refused the batch, for instance for its key. */
  | 'refused'
  /** No ingestion target was given. */
  | 'noTarget'
  /** Left, or logged, after the close. */
  | 'closed'
  /** Was in the memory of a process that died: ingestion may have it or not. */
  | 'crashed'
  /** Was on a disk that lost it. */
  | 'damaged';

/** Where every event of one client is: `generated` = accepted + duplicate + rejected + dropped + inSpool + inFlight. */
export interface SourceBooks {
  /** Names this client's events in ingestion's books. */
  readonly sourceId: string;
  /** Everything that was to be sent, and exposures that were left out because they had been sent a moment ago. */
  readonly generated: number;
  readonly accepted: number;
  /** Ingestion had them already, from an attempt whose answer was lost. */
  readonly duplicate: number;
  /** By the field that was wrong. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** On disk, durable. */
  readonly inSpool: number;
  /** In memory: waiting, or sent and not answered for. */
  readonly inFlight: number;
}

/** Where an event waits before its outcome is known. */
export type Place = 'inFlight' | 'inSpool';

/** More reasons than this share one entry: they come from another process. */
const reasonsMax = 20;

/** Books that are kept while events are on their way; each method moves events from one place to another, so that they always balance. */
export class Books {
  readonly sourceId: string;
  generated = 0;
  accepted = 0;
  duplicate = 0;
  inSpool = 0;
  inFlight = 0;
  /** The highest number that an event was given. */
  sequenced = 0;
  /** Exposures that were sent a moment ago already: generated and dropped. A plain number, as counting them must cost next to nothing. */
  deduplicated = 0;
  #reports = 0;
  readonly #rejected = new Map<string, number>();
  readonly #dropped = new Map<string, number>();

  constructor(sourceId: string) {
    this.sourceId = sourceId;
  }

  /** Takes up the books of a source that is no more. */
  static of(sourceId: string, report: SourceReport): Books {
    const books = new Books(sourceId);
    books.generated = report.generated;
    books.accepted = report.accepted;
    books.duplicate = report.duplicate;
    books.inSpool = report.spooled;
    books.inFlight = report.inFlight;
    books.sequenced = report.sequenced;
    books.#reports = report.number;
    for (const [reason, count] of Object.entries(report.rejected)) books.#rejected.set(reason, count);
    for (const [reason, count] of Object.entries(report.dropped)) books.#dropped.set(reason, count);
    return books;
  }

  /**
   * Says how many events are on disk, when the books of another process are taken up. Those beyond
   * what the books hold open were booked already and come once more, or the books never knew them.
   */
  recount(inSpool: number): void {
    const open = this.inSpool + this.inFlight;
    const again = Math.max(inSpool - open, 0);
    const unbooked = Math.max(again - this.accepted, 0);
    this.accepted -= again - unbooked;
    this.generated += unbooked;
    this.inSpool = inSpool;
    this.inFlight = Math.max(open - inSpool, 0);
  }

  /** A new event, which waits. */
  take(): void {
    this.generated++;
    this.inFlight++;
  }

  /** A new event that goes nowhere. */
  refuse(reason: DropReason): void {
    this.generated++;
    add(this.#dropped, reason, 1);
  }

  /** Events that waited, and are given up. */
  drop(reason: DropReason, count: number, from: Place = 'inFlight'): void {
    this[from] -= count;
    add(this.#dropped, reason, count);
  }

  spool(count: number): void {
    this.inFlight -= count;
    this.inSpool += count;
  }

  /** Numbers for the events of a batch. @returns that of the first. */
  number(count: number): number {
    const first = this.sequenced + 1;
    this.sequenced += count;
    return first;
  }

  /** What ingestion said of a batch; an event that it said nothing of counts as rejected. */
  settle(outcomes: readonly (EventOutcome | undefined)[], sent: number, from: Place): void {
    this[from] -= sent;
    for (let at = 0; at < sent; at++) {
      const outcome = outcomes[at];
      if (outcome?.outcome === Outcome.ACCEPTED) this.accepted++;
      else if (outcome?.outcome === Outcome.DUPLICATE) this.duplicate++;
      else add(this.#rejected, fieldOf(outcome), 1);
    }
  }

  droppedFor(reason: DropReason): number {
    return this.#dropped.get(reason) ?? 0;
  }

  snapshot(): SourceBooks {
    const { deduplicated } = this;
    const dropped = Object.fromEntries(dropReasons.map((reason) => [reason, this.droppedFor(reason)]));
    return {
      sourceId: this.sourceId,
      generated: this.generated + deduplicated,
      accepted: this.accepted,
      duplicate: this.duplicate,
      rejected: Object.fromEntries(this.#rejected),
      dropped: {
        ...(dropped as Record<DropReason, number>),
        deduplicated: this.droppedFor('deduplicated') + deduplicated,
      },
      inSpool: this.inSpool,
      inFlight: this.inFlight,
    };
  }

  /** Whoever takes up the books of another goes on above the numbers of that, which it does not know: time does it. */
  #nextReport(): number {
    this.#reports = Math.max(this.#reports + 1, Date.now());
    return this.#reports;
  }

  /** What goes out with a batch. */
  report(isClosed = false): SourceReport {
    const { generated, accepted, duplicate, rejected, dropped, inSpool, inFlight } = this.snapshot();
    const used = Object.entries(dropped).filter(([, count]) => count > 0);
    return {
      number: this.#nextReport(),
      generated,
      accepted,
      duplicate,
      rejected: { ...rejected },
      dropped: Object.fromEntries(used),
      spooled: inSpool,
      inFlight,
      sequenced: this.sequenced,
      isClosed,
    };
  }
}

const dropReasons: readonly DropReason[] = [
  'deduplicated',
  'queueFull',
  'unfit',
  'refused',
  'noTarget',
  'closed',
  'crashed',
  'damaged',
];

function add(counts: Map<string, number>, reason: string, count: number): void {
  const key = counts.has(reason) || counts.size < reasonsMax ? reason : 'other';
  counts.set(key, (counts.get(key) ?? 0) + count);
}

/** `user.email: has a NUL character; remove it` → `user.email`; names of the caller's own, as in `user.custom[x]`, are cut off. */
function fieldOf(outcome: EventOutcome | undefined): string {
  if (!outcome) return 'unanswered';
  const [field = ''] = outcome.reason.split(/[:[]/, 1);
  return field === '' || field.length > 64 ? 'other' : field;
}
