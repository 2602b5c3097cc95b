/** What does not balance in the books, a sentence each; pure. */
import type { InstanceBooks, SourceBooks, StoreBooks } from '@sluice/proto';

export interface BooksInHand {
  readonly store: StoreBooks;
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
    ...books.instances.flatMap((instance) => problemsOfInstance(instance, books)),
    ...books.sources.flatMap((source) => problemsOfSource(source, books.isMoving)),
  ];
}

function problemsOfStore({ store, isMoving, isRetained }: BooksInHand): string[] {
  const problems: string[] = [];
  const { taken, stored, duplicate, buried, recounted } = store;
  if (taken !== stored + duplicate + buried) {
    problems.push(
      `store: ${taken} events were taken from the log, but ${stored} stored + ${duplicate} duplicate + ${buried} buried are ${stored + duplicate + buried}`,
    );
  }
  if (recounted === undefined || isMoving) return problems;
  if (recounted > stored || (isRetained && recounted < stored)) {
    problems.push(`store: ${stored} events were booked as stored, but there are ${recounted} rows`);
  }
  return problems;
}

function problemsOfInstance(books: InstanceBooks, { isMoving, isWhole }: BooksInHand): string[] {
  const { region, instance, taken, counters } = books;
  const accepted = counters.events_accepted ?? 0;
  // Events may be taken without being accepted: when the caller, or the instance, was gone before the answer.
  if (isMoving || !isWhole || accepted <= taken) return [];
  return [
    `${region}/${instance}: accepted ${accepted} events, but only ${taken} came out of the log: ${accepted - taken} are lost`,
  ];
}

/** Dropped for these, an event never got a number. */
const unnumbered = new Set(['deduplicated', 'unfit', 'noTarget']);

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
  const explained = spooled + inFlight + dropped - sumOf(report.dropped, (reason) => unnumbered.has(reason));
  if (missing > explained) {
    const which = gaps.length > 0 ? ` (${gaps.join(', ')})` : '';
    problems.push(
      `source ${sourceId}: ${missing} of its events never came${which}, and it speaks of only ${explained} that did not leave it`,
    );
  }
  return problems;
}

function sumOf(counts: Readonly<Record<string, number>>, isCounted: (reason: string) => boolean = () => true): number {
  return Object.entries(counts).reduce((sum, [reason, count]) => (isCounted(reason) ? sum + count : sum), 0);
}
