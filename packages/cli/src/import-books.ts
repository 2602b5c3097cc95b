/** The books of an import: it is a source like any client, and its events are numbered. */
import { type EventOutcome, Outcome, type SourceReport } from '@sluice/proto';

/** What became of the lines of a file, as far as they were answered for. */
export interface Settled {
  readonly accepted: number;
  readonly duplicate: number;
  /** Lines that were not taken: those that are no events, and those that ingestion refused. */
  readonly rejected: number;
  /** Names the import in the books, from its first run to its last. */
  readonly sourceId: string;
  /** Events that were given numbers. */
  readonly sequenced: number;
  /** Lines that are no events. */
  readonly unfit: number;
  /** What ingestion refused, by field. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** Fields that are told apart; more share one. */
const reasonsMax = 20;

export function settledAtFirst(sourceId: string): Settled {
  return { accepted: 0, duplicate: 0, rejected: 0, sourceId, sequenced: 0, unfit: 0, reasons: {} };
}

/** With the answers to `sent` more events; what is not answered for counts as refused. */
export function addOutcomes(before: Settled, outcomes: readonly EventOutcome[], sent: number, unfit: number): Settled {
  const counts = { accepted: before.accepted, duplicate: before.duplicate };
  const reasons: Record<string, number> = { ...before.reasons };
  for (let at = 0; at < sent; at++) {
    const { outcome, reason } = outcomes[at] ?? unanswered;
    if (outcome === Outcome.ACCEPTED) counts.accepted++;
    else if (outcome === Outcome.DUPLICATE) counts.duplicate++;
    else {
      const key = keyOf(reason, reasons);
      reasons[key] = (reasons[key] ?? 0) + 1;
    }
  }
  const refused = sent - (counts.accepted - before.accepted) - (counts.duplicate - before.duplicate);
  return {
    ...counts,
    rejected: before.rejected + refused + unfit,
    sourceId: before.sourceId,
    sequenced: before.sequenced + sent,
    unfit: before.unfit + unfit,
    reasons,
  };
}

export const unanswered: EventOutcome = { outcome: Outcome.REJECTED, reason: 'unanswered' };

/** `user.custom[x]: is long` → `user.custom`. */
function keyOf(reason: string, known: Readonly<Record<string, number>>): string {
  const [field = ''] = reason.split(/[:[]/, 1);
  return Object.hasOwn(known, field) || Object.keys(known).length < reasonsMax ? field : 'other';
}

/** `inFlight`: events that are sent and not answered for. */
export function reportOf(settled: Settled, inFlight: number, number: number, isClosed: boolean): SourceReport {
  const { accepted, duplicate, rejected, unfit, reasons, sequenced } = settled;
  return {
    number,
    generated: accepted + duplicate + rejected + inFlight,
    ...{ accepted, duplicate, rejected: { ...reasons }, dropped: unfit > 0 ? { unfit } : {} },
    ...{ spooled: 0, inFlight, sequenced: sequenced + inFlight, isClosed },
  };
}
