/** One function for each RPC: check, act, encode. */
import {
  type Call,
  type Clock,
  invalid,
  notFound,
  type Principal,
  requireSet,
  requireWrite,
  SluiceError,
} from '@sluice/mesh';
import { Durability, type EventOutcome, type LogEventsResponse, Outcome, type SetRef } from '@sluice/proto';
import { countReasons, receiptsOf } from './books/receipt.js';
import type { Counters } from './counters.js';
import type { KnownSets } from './keys.js';
import { setNamePattern } from './limits.js';
import type { EventLog, LogEvent } from './log/event-log.js';
import type { Quarantine } from './log/quarantine.js';
import type { RecentIds } from './log/recent-ids.js';
import { type Received, type Request, type RequestHead, requireRequest } from './wire/definition.js';
import { judgeSent, type SentEvent } from './wire/sent-event.js';
import type { Skews } from './wire/skew.js';
import type { Arrival } from './wire/validate.js';

export interface Handling {
  readonly log: EventLog;
  readonly recent: RecentIds;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly sets: KnownSets;
  readonly skews: Skews;
  readonly quarantine: Pick<Quarantine, 'add'>;
}

/** Accepts events: answers only once the log holds every accepted one on stable storage. */
export async function logEvents(handling: Handling, received: Received, call: Call): Promise<LogEventsResponse> {
  const { log, recent, counters } = handling;
  if ('problem' in received) counters.add('requests_malformed', 1);
  const request = requireRequest(received);
  if (call.principal.kind === 'unverified') return quarantine(handling, request, call.principal);
  const { head, events } = request;
  if (call.principal.kind === 'console') requireWrite(call.principal);
  const set = await requireKnownSet(handling, call.principal, head.set);
  const arrival = arrivalOf(head, handling);
  const { outcomes, fresh, places } = sift(events, arrival, (id) => recent.has(set.project, id));
  const { traceparent } = call;
  const append = { set, events: fresh, ...arrival, traceparent, receiptOf: receiptsOf(head, outcomes, places) };
  const work = booked(counters, outcomes, async () => {
    const { wereHeld, durability } = await log.append(append);
    for (const [at, { id }] of fresh.entries()) {
      // A retry of what is only spooled tries the log again: answered from memory, it would claim too much.
      if (durability !== Durability.SPOOLED) recent.add(set.project, id);
      if (wereHeld[at]) outcomes[places[at] as number] = duplicate;
    }
    if (durability === Durability.SPOOLED) counters.add('events_spooled', fresh.length);
    return { outcomes, durability: durabilityOf(outcomes, fresh.length > 0 ? durability : Durability.UNSPECIFIED) };
  });
  return withinDeadline(work, call.remainingMs());
}

function arrivalOf({ sentAtMs, sourceId = '' }: RequestHead, { clock, skews }: Handling): Arrival {
  if (sentAtMs < 0) throw invalid('sent_at_ms', 'is negative; send Unix milliseconds, or nothing');
  const receivedAtMs = clock.now();
  return { receivedAtMs, skewMs: skews.of(sourceId, sentAtMs, receivedAtMs) };
}

const waitsForKey = 'the key could not be checked, as config is away: it is kept, and counted once the key is verified';

/** Keeps what would be accepted until config says whose key it is. */
async function quarantine(
  handling: Handling,
  { head, events }: Request,
  { digest }: Principal,
): Promise<LogEventsResponse> {
  const { quarantine, counters } = handling;
  // Whoever has nothing to say must not take room from those who have: a report comes again.
  if (events.length === 0) return { outcomes: [], durability: Durability.UNSPECIFIED };
  const arrival = arrivalOf(head, handling);
  const { outcomes, fresh } = sift(events, arrival, () => false);
  const receipt = receiptsOf(head, outcomes, [])(0, 0);
  await booked(counters, outcomes, async () => {
    await quarantine.add(digest, { set: head.set, events: fresh, ...arrival, receipt });
    counters.add('events_unverified', fresh.length);
    return { outcomes: outcomes.filter((one) => one !== accepted) };
  });
  const answers = outcomes.map((one) => (one === accepted ? { ...accepted, reason: waitsForKey } : one));
  return { outcomes: answers, durability: fresh.length > 0 ? Durability.SPOOLED : Durability.UNSPECIFIED };
}

const accepted: EventOutcome = { outcome: Outcome.ACCEPTED, reason: '' };
const duplicate: EventOutcome = { outcome: Outcome.DUPLICATE, reason: '' };

/** Of all that was accepted now or before; what was known already says no more than that the log has it or will. */
function durabilityOf(outcomes: readonly EventOutcome[], appended: Durability): Durability {
  if (appended !== Durability.UNSPECIFIED) return appended;
  const isAnyHeld = outcomes.some(({ outcome }) => outcome !== Outcome.REJECTED);
  return isAnyHeld ? Durability.QUORUM : Durability.UNSPECIFIED;
}

/** Judges each event; `fresh` are those that the log shall get, `places` their places in the request. */
function sift(events: readonly SentEvent[], arrival: Arrival, isRecent: (id: string) => boolean) {
  const isNew = distinct();
  const fresh: LogEvent[] = [];
  const places: number[] = [];
  const outcomes = events.map((sent, place): EventOutcome => {
    const verdict = judgeSent(sent, arrival);
    if ('reason' in verdict) return { outcome: Outcome.REJECTED, reason: verdict.reason };
    if (!isNew(verdict.id) || isRecent(verdict.id)) return duplicate;
    fresh.push(verdict);
    places.push(place);
    return accepted;
  });
  return { outcomes, fresh, places };
}

/** Tells whether an id comes for the first time. Ids mostly come in order, as they begin with the time: only then none is looked up. */
function distinct(): (id: string) => boolean {
  const ids: string[] = [];
  let last = '';
  let set: Set<string> | undefined;
  return (id) => {
    if (id > last) last = id;
    else {
      set ??= new Set(ids);
      if (set.has(id)) return false;
    }
    ids.push(id);
    set?.add(id);
    return true;
  };
}

/** Counts what becomes of events, whether or not their sender still waits for the answer. */
async function booked<T extends { readonly outcomes: readonly EventOutcome[] }>(
  counters: Counters,
  { length }: readonly EventOutcome[],
  work: () => Promise<T>,
): Promise<T> {
  counters.begin(length);
  try {
    const result = await work();
    count(counters, result.outcomes);
    return result;
  } catch (error) {
    counters.addFor('events_dropped', error instanceof SluiceError ? error.kind : 'internal', length);
    throw error;
  } finally {
    counters.finish(length);
  }
}

function count(counters: Counters, outcomes: readonly EventOutcome[]): void {
  const total = (wanted: Outcome): number => outcomes.filter(({ outcome }) => outcome === wanted).length;
  counters.add('events_accepted', total(Outcome.ACCEPTED));
  counters.add('events_duplicate', total(Outcome.DUPLICATE));
  for (const [field, rejected] of Object.entries(countReasons(outcomes)))
    counters.addFor('events_rejected', field, rejected);
}

/** The caller gets the advice to retry while it still listens. What is on its way may still arrive: ids keep it single. */
async function withinDeadline<T>(work: Promise<T>, remainingMs: number): Promise<T> {
  if (!Number.isFinite(remainingMs)) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const message =
    'The event log did not answer before the deadline; send the same events again, their ids keep them single.';
  const timer = setTimeout(() => reject(new SluiceError('unavailable', message, { retryAfterMs: 500 })), remainingMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** @throws SluiceError `invalid`, `forbidden`, or `not_found` when config is sure to have no such set. */
export async function requireKnownSet(
  { sets }: Pick<Handling, 'sets'>,
  principal: Principal,
  asked: SetRef | undefined,
): Promise<SetRef> {
  const set = requireSet(principal, asked);
  for (const part of ['project', 'environment'] as const) {
    if (!setNamePattern.test(set[part])) {
      throw invalid(
        `set.${part}`,
        'must be 1 to 64 lower-case letters, digits and dashes, and start with a letter or digit',
      );
    }
  }
  // Services of ours have looked the set up themselves.
  if (principal.kind === 'mesh' || (await sets.isKnown(set))) return set;
  throw notFound('set', `${set.project}/${set.environment} does not exist; create it, or correct the name`);
}
