/** What does not balance in the books, a sentence each; pure. */
import type { InstanceBooks, RegionBooks, SourceBooks, StoreBooks } from '@sluice/proto';

export interface BooksInHand {
  readonly store: StoreBooks;
  /** What was booked as stored before rows were counted. */
  readonly storedBefore: number;
  readonly regions: readonly RegionBooks[];
  readonly instances: readonly InstanceBooks[];
  readonly sources: readonly SourceBooks[];
  /** Something is on its way: what was acknowledged may not have arrived yet. */
  readonly isMoving: boolean;
  /** The counters of instances are about the same events as the rest: no filter leaves some of those out. */
  readonly isWhole: boolean;
  /** No day that the books speak of is past its retention. */
  readonly isRetained: boolean;
}

export function problemsOf(books: BooksInHand): string[] {
  return [
    ...problemsOfStore(books),
    ...books.regions.flatMap(problemsOfRegion),
    ...books.instances.flatMap((instance) => problemsOfInstance(instance, books)),
    ...books.sources.flatMap((source) => problemsOfSource(source, books.isMoving)),
  ];
}

function problemsOfStore({ store, storedBefore, isRetained }: BooksInHand): string[] {
  const problems: string[] = [];
  const { taken, stored, duplicate, buried, recounted } = store;
  if (taken !== stored + duplicate + buried) {
    problems.push(
      `store: ${taken} events were taken from the log, but ${stored} stored + ${duplicate} duplicate + ${buried} buried are ${stored + duplicate + buried}`,
    );
  }
  // Rows may have come while they were counted, and are booked in the same transaction.
  if (recounted !== undefined && (recounted > stored || (isRetained && recounted < storedBefore))) {
    const booked = recounted > stored ? stored : storedBefore;
    problems.push(`store: ${booked} events were booked as stored, but there are ${recounted} rows`);
  }
  return problems;
}

function problemsOfRegion(books: RegionBooks): string[] {
  const { region, received, accepted, duplicate, unverified, inFlight } = books;
  const [rejected, dropped] = [sumOf(books.rejected), sumOf(books.dropped)];
  const sum = accepted + duplicate + rejected + dropped + unverified + inFlight;
  if (received === sum) return [];
  return [
    `${region}: received ${received} events, but ${accepted} accepted + ${duplicate} duplicate + ${rejected} rejected + ${dropped} dropped + ${unverified} unverified + ${inFlight} in flight are ${sum}`,
  ];
}

function problemsOfInstance(books: InstanceBooks, { isMoving, isWhole }: BooksInHand): string[] {
  const { region, instance, taken, counters } = books;
  const { events_appended: appended = 0, spool_events: spooled = 0, events_abandoned: abandoned = 0 } = counters;
  const given = appended - spooled - abandoned;
  // More may come out of the log: an answer of it was lost, or the last count before a crash.
  if (isMoving || !isWhole || given <= taken) return [];
  return [
    `${region}/${instance}: gave ${given} events to the log, but only ${taken} came out of it: ${given - taken} are lost`,
  ];
}

function problemsOfSource({ sourceId, report, arrived, missing, gaps }: SourceBooks, isMoving: boolean): string[] {
  if (!report) return [];
  const problems: string[] = [];
  const { generated, accepted, duplicate, spooled, inFlight } = report;
  const rejected = sumOf(report.rejected);
  const dropped = sumOf(report.dropped);
  const sum = accepted + duplicate + rejected + dropped + spooled + inFlight;
  if (generated !== sum) {
    problems.push(
      `source ${sourceId}: generated ${generated}, but ${accepted} accepted + ${duplicate} duplicate + ${rejected} rejected + ${dropped} dropped + ${spooled} spooled + ${inFlight} in flight are ${sum}`,
    );
  }
  if (isMoving) return problems;
  const answered = accepted + duplicate + rejected;
  if (report.sequenced > 0 && answered > arrived) {
    problems.push(`source ${sourceId}: got answers for ${answered} events, but only ${arrived} arrived at the store`);
  }
  // Events get their numbers when they leave for the first time: what was dropped or waits before that explains no gap.
  const unnumbered = Math.max(generated - (arrived + missing), 0);
  const explained = spooled + inFlight + dropped - unnumbered;
  if (missing > explained) {
    const which = gaps.length > 0 ? ` (${gaps.join(', ')})` : '';
    problems.push(
      `source ${sourceId}: ${missing} of its events never came${which}, and it speaks of only ${explained} that did not leave it`,
    );
  }
  return problems;
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
