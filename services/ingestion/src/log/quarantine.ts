/**
 * Events under keys that nobody could check when they came, since config was away: on the own disk until
 * config says who holds the key. Then they go the way of all events, or are given up. Nothing of them is
 * counted before.
 */
import { createHash } from 'node:crypto';
import { type Clock, granted, type Logger, type Principal, requireWrite, SluiceError } from '@sluice/mesh';
import { EventBatch, type Receipt, type SetRef } from '@sluice/proto';
import { openSpool, type SpoolRecord, type SpoolState } from '@sluice/spool';
import type { Counters } from '../counters.js';
import type { Verifier } from '../keys.js';
import { logEvent } from '../wire/sent-event.js';
import type { Append, AppendResult, LogEvent } from './event-log.js';

/** What was accepted of one request, apart from its key. */
export interface Unverified {
  /** As the request has it: the key may name the rest. */
  readonly set: SetRef | undefined;
  readonly events: readonly LogEvent[];
  readonly receivedAtMs: number;
  readonly skewMs: number;
  readonly receipt: Receipt | undefined;
}

export interface Quarantine {
  /** Resolves once the events are on stable storage. @throws SluiceError `exhausted` when there is no room. */
  add(digest: string, request: Unverified): Promise<void>;
  state(): SpoolState;
  close(): Promise<void>;
}

export interface QuarantineOptions {
  readonly directory: string;
  /** Anybody can invent keys while config is away: what they may take of the disk. */
  readonly bytesMax: number;
  readonly ageMaxMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly counters: Pick<Counters, 'add'>;
  readonly verifier: Verifier;
  /** The set that a principal may write to. @throws SluiceError when it may not. */
  readonly requireSet: (principal: Principal, asked: SetRef | undefined) => Promise<SetRef>;
  readonly append: (append: Append) => Promise<AppendResult>;
}

export async function openQuarantine(options: QuarantineOptions): Promise<Quarantine> {
  const { directory, bytesMax, ageMaxMs, logger, clock } = options;
  const send = (record: SpoolRecord): Promise<void> => release(options, record);
  const spool = await openSpool({ directory, bytesMax, ageMaxMs, logger, clock, send });
  return {
    add: (digest, request) => spool.add(recordOf(digest, request)),
    state: () => spool.state(),
    close: () => spool.close(),
  };
}

function recordOf(digest: string, { set, events, receivedAtMs, skewMs, receipt }: Unverified): SpoolRecord {
  const head = EventBatch.encode({
    ...{ set, events: [], receivedAtMs, instance: '', region: '' },
    ...{ skewsMs: [skewMs], receipts: receipt ? [receipt] : [] },
  }).finish();
  const data = Buffer.concat([head, ...events.map(({ bytes, from, to }) => bytes.subarray(from, to))]);
  const messageId = createHash('sha256').update(data).digest('base64url');
  return { subject: digest, messageId, count: events.length, data };
}

/** Rejects, and is asked again, while the key can't be checked or the log has no room. */
async function release(options: QuarantineOptions, { subject: digest, count, data }: SpoolRecord): Promise<void> {
  const { verifier, counters, logger, append, requireSet } = options;
  const { set: asked, events, receivedAtMs, skewsMs, receipts } = EventBatch.decode(data);
  const grant = await verifier.verify(digest);
  const principal = grant && granted(digest, grant);
  let set: SetRef;
  try {
    if (!principal) throw new SluiceError('unauthenticated', 'nobody holds this key');
    if (principal.kind === 'console') requireWrite(principal);
    set = await requireSet(principal, asked);
  } catch (error) {
    if (!(error instanceof SluiceError) || error.kind === 'unavailable') throw error;
    counters.add('events_unverified_refused', count);
    logger.warn({ key: digest.slice(0, 8), events: count, reason: error.message }, 'unverified events were given up');
    return;
  }
  const [skewMs = 0] = skewsMs;
  const { wereHeld } = await append({
    ...{ set, events: events.map(logEvent), receivedAtMs, skewMs },
    // Tried until all of it is taken: the receipt may go with the last part.
    ...{ traceparent: undefined, receiptOf: (_, to) => (to === events.length ? receipts[0] : undefined) },
  });
  const duplicates = wereHeld.filter(Boolean).length;
  counters.add('events_accepted', count - duplicates);
  counters.add('events_duplicate', duplicates);
}
