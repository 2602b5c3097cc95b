import { type Call, type Logger, requireKind, requireSet } from '@sluice/mesh';
import type { Acknowledgement, SetRef, WaitForRevisionRequest, WaitForRevisionResponse } from '@sluice/proto';
import { isComplete, type Wanted } from '../acks.js';
import type { Context } from '../context.js';
import { readLineage } from '../lineage.js';
import { setKey } from '../names.js';
import { readStateHash } from '../revision-store.js';

/** Answers shortly before the deadline, so that the caller hears who is missing. */
const answerBeforeMs = 50;

export async function handleWaitForRevision(
  { acks, db }: Context,
  { set: asked, revision }: WaitForRevisionRequest,
  call: Call,
): Promise<WaitForRevisionResponse> {
  requireKind(call.principal, 'console', 'server');
  const set = requireSet(call.principal, asked);
  call.park();
  const wanted = { set, revision, lineage: await readLineage(db, set), hashAt: hashesOf(db, set) };
  const acknowledgements = await acks.wait(wanted, call.deadlineMs - answerBeforeMs, call.signal);
  warnOfForeign(call.logger, set, acknowledgements);
  return { acknowledgements, isComplete: isComplete(acknowledgements, revision) };
}

/** Each hash is read once for a wait: many evaluators acknowledge the same revision. */
function hashesOf(db: Context['db'], set: SetRef): Wanted['hashAt'] {
  const known = new Map<number, Promise<Uint8Array | undefined>>();
  return (revision) => {
    const read = known.get(revision) ?? readStateHash(db, set, revision);
    known.set(revision, read);
    return read;
  };
}

function warnOfForeign(logger: Logger, set: SetRef, acknowledgements: readonly Acknowledgement[]): void {
  const foreign = acknowledgements.filter((one) => one.isForeign);
  if (foreign.length === 0) return;
  const holders = foreign.map(({ instance, revision }) => `${instance} at ${revision}`);
  logger.warn({ set: setKey(set), holders }, 'evaluators hold revisions that are not of this history');
}
