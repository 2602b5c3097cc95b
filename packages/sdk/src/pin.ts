import { currentBaggage, pinBaggage, pinnedRevision } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';

/** One revision for all that a request asks, here and further on. Give it with each question as `{ pin }`. */
export interface Pin {
  /** 0 pins nothing: there is no ruleset yet. */
  readonly revision: number;
  /** W3C baggage for the calls that the request makes: set it as metadata `baggage`. */
  readonly baggage: string;
}

/** What has headers by name: metadata of grpc-js, or anything like it. */
export interface Carrier {
  get(name: string): readonly unknown[];
}

/** The baggage of a request: as text, out of its metadata, or, when none is given, that of the mesh call which is served. */
export function baggageIn(request: string | Carrier | undefined): string | undefined {
  if (request === undefined) return currentBaggage();
  if (typeof request === 'string') return request;
  const texts = request.get('baggage').filter((value) => typeof value === 'string');
  return texts.length === 0 ? undefined : texts.join(',');
}

/** The pin that came with a request, or else one on the revision that `present` says. */
export function pinFor(set: SetRef | undefined, baggage: string | undefined, present: number): Pin {
  if (!set) return { revision: 0, baggage: baggage ?? '' };
  const revision = pinnedRevision(baggage, set) ?? present;
  return { revision, baggage: revision === 0 ? (baggage ?? '') : pinBaggage(baggage, set, revision) };
}

/** The pin of a set in some baggage. */
export function pinIn(set: SetRef, baggage: string | undefined): Pin | undefined {
  const revision = pinnedRevision(baggage, set);
  return revision === undefined || baggage === undefined ? undefined : { revision, baggage };
}
