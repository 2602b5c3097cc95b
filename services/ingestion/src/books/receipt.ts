/** What the books get of a request beside its events; pure. */
import { invalid } from '@sluice/mesh';
import { type EventOutcome, type LogEventsRequest, Outcome, type Receipt, type SourceReport } from '@sluice/proto';

type Told = Pick<LogEventsRequest, 'sourceId' | 'sequence' | 'report'>;

const sourcePattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const reasonCharactersMax = 64;

/** What to say of the fresh events from one on up to another; undefined for a sender that keeps no books. */
export type ReceiptOf = (from: number, to: number) => Receipt | undefined;

/**
 * `places`: where in the request its fresh events stand. What lies between them goes with the one before; the books
 * of the source go with the last. @throws SluiceError `invalid` naming what does not add up.
 */
export function receiptsOf(told: Told, outcomes: readonly EventOutcome[], places: readonly number[]): ReceiptOf {
  const { sourceId = '', sequence = 0, report } = told;
  if (sourceId === '') return () => undefined;
  requireSound(told, outcomes.length);
  return (from, to) => {
    const isLast = to >= places.length;
    const first = from === 0 ? 0 : (places[from] ?? outcomes.length);
    const part = outcomes.slice(first, isLast ? outcomes.length : places[to]);
    return {
      sourceId,
      firstSequence: part.length > 0 ? sequence + first : 0,
      events: part.length,
      accepted: countOf(part, Outcome.ACCEPTED),
      duplicate: countOf(part, Outcome.DUPLICATE),
      rejected: countReasons(part),
      report: isLast ? report : undefined,
    };
  };
}

function requireSound({ sourceId = '', sequence = 0, report }: Told, events: number): void {
  if (!sourcePattern.test(sourceId))
    throw invalid('source_id', 'is not a UUID in lower case; make one for each source');
  if (sequence < 1 && events > 0) throw invalid('sequence', 'is missing; number the events of a source from 1');
  if (report) requireFew(report);
}

/** What tells a receipt without events from all others, so that the log does not take it for a repeat of another. */
export function receiptKey({ sourceId, firstSequence, events, report }: Receipt): string {
  return `receipt ${sourceId} ${firstSequence} ${events} ${report?.number ?? 0}`;
}

function requireFew({ rejected, dropped }: SourceReport): void {
  for (const [field, counts] of [
    ['rejected', rejected],
    ['dropped', dropped],
  ] as const) {
    const isLong = Object.keys(counts).some((reason) => reason.length > reasonCharactersMax || reason.includes('\0'));
    if (isLong)
      throw invalid(`report.${field}`, `has a reason of more than ${reasonCharactersMax} characters; shorten it`);
  }
}

function countOf(outcomes: readonly EventOutcome[], wanted: Outcome): number {
  return outcomes.reduce((count, { outcome }) => (outcome === wanted ? count + 1 : count), 0);
}

/** By field: `user.custom[colour]: too long` counts as `user.custom`, as what the sender made up knows no end. */
export function countReasons(outcomes: readonly EventOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome, reason } of outcomes) {
    if (outcome !== Outcome.REJECTED) continue;
    const [field = ''] = reason.split(/[:[]/, 1);
    counts[field] = (counts[field] ?? 0) + 1;
  }
  return counts;
}
