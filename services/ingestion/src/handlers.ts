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
import {
  Durability,
  type Event,
  type EventOutcome,
  type LogEventsRequest,
  type LogEventsResponse,
  Outcome,
  type SetRef,
} from '@sluice/proto';
import type { Counters } from './counters.js';
import { type Received, requireRequest } from './definition.js';
import type { EventLog } from './event-log.js';
import type { KnownSets } from './keys.js';
import type { Quarantine } from './quarantine.js';
import { receiptOf } from './receipt.js';
import type { RecentIds } from './recent-ids.js';
import { skewOf } from './skew.js';
import { type Arrival, judge } from './validate.js';

export interface Handling {
  readonly log: EventLog;
  readonly recent: RecentIds;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly sets: KnownSets;
  readonly quarantine: Pick<Quarantine, 'add'>;
}

/** Accepts events: answers only once the log holds every accepted one on stable storage. */
export async function logEvents(handling: Handling, received: Received, call: Call): Promise<LogEventsResponse> {
  const { log, recent, counters, clock } = handling;
  const { request, asSent } = requireRequest(received);
  if (call.principal.kind === 'unverified') return quarantine(handling, request, call.principal);
  const { set: asked, events, sentAtMs } = request;
  if (call.principal.kind === 'console') requireWrite(call.principal);
  const set = await requireKnownSet(handling, call.principal, asked);
  const { receivedAtMs, skewMs } = arrivalOf(sentAtMs, clock);
  const { outcomes, fresh } = sift(events, { receivedAtMs, skewMs }, (id) => recent.has(set.project, id));
  const arrival = { receivedAtMs, skewMs, traceparent: call.traceparent, receipt: receiptOf(request, outcomes) };
  const append = {
    ...{ set, events: fresh.map(({ event }) => event), ...arrival },
    // What was accepted as it is goes to the log as it came.
    asSent: fresh.map(({ event, index }) => (event === events[index] ? asSent[index] : undefined)),
  };
  const { wereHeld, durability } = await withinDeadline(log.append(append), call.remainingMs());
  for (const [at, { event, index }] of fresh.entries()) {
    // A retry of what is only spooled tries the log again: answered from memory, it would claim too much.
    if (durability !== Durability.SPOOLED) recent.add(set.project, event.id);
    if (wereHeld[at]) outcomes[index] = duplicate;
  }
  count(counters, outcomes);
  if (durability === Durability.SPOOLED) counters.add('events_spooled', fresh.length);
  return { outcomes, durability: durabilityOf(outcomes, fresh.length > 0 ? durability : Durability.UNSPECIFIED) };
}

function arrivalOf(sentAtMs: number, clock: Clock): Arrival {
  if (sentAtMs < 0) throw invalid('sent_at_ms', 'is negative; send Unix milliseconds, or nothing');
  const receivedAtMs = clock.now();
  return { receivedAtMs, skewMs: skewOf(sentAtMs, receivedAtMs) };
}

const waitsForKey = 'the key could not be checked, as config is away: it is kept, and counted once the key is verified';

/** Keeps what would be accepted until config says whose key it is. */
async function quarantine(
  { quarantine, counters, clock }: Handling,
  request: LogEventsRequest,
  { digest }: Principal,
): Promise<LogEventsResponse> {
  const { set, events, sentAtMs } = request;
  const arrival = arrivalOf(sentAtMs, clock);
  const { outcomes, fresh } = sift(events, arrival, () => false);
  const receipt = receiptOf(request, outcomes);
  await quarantine.add(digest, { set, events: fresh.map(({ event }) => event), ...arrival, receipt });
  counters.add('events_unverified', fresh.length);
  counters.add('events_rejected', outcomes.filter(({ outcome }) => outcome === Outcome.REJECTED).length);
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

/** Judges each event; `fresh` are those that the log shall get, with their places in the request. */
function sift(events: readonly Event[], arrival: Arrival, isRecent: (id: string) => boolean) {
  const seen = new Set<string>();
  const fresh: { event: Event; index: number }[] = [];
  const outcomes = events.map((event, index): EventOutcome => {
    const verdict = judge(event, arrival);
    if ('reason' in verdict) return { outcome: Outcome.REJECTED, reason: verdict.reason };
    const { id } = verdict.event;
    if (seen.has(id) || isRecent(id)) return duplicate;
    seen.add(id);
    fresh.push({ event: verdict.event, index });
    return accepted;
  });
  return { outcomes, fresh };
}

function count(counters: Counters, outcomes: readonly EventOutcome[]): void {
  const total = (wanted: Outcome): number => outcomes.filter(({ outcome }) => outcome === wanted).length;
  counters.add('events_accepted', total(Outcome.ACCEPTED));
  counters.add('events_duplicate', total(Outcome.DUPLICATE));
  counters.add('events_rejected', total(Outcome.REJECTED));
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

/** Set names become a part of the log's subjects: dots and wildcards must not get there. */
const namePattern = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** @throws SluiceError `invalid`, `forbidden`, or `not_found` when config is sure to have no such set. */
export async function requireKnownSet(
  { sets }: Pick<Handling, 'sets'>,
  principal: Principal,
  asked: SetRef | undefined,
): Promise<SetRef> {
  const set = requireSet(principal, asked);
  for (const part of ['project', 'environment'] as const) {
    if (!namePattern.test(set[part])) {
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
