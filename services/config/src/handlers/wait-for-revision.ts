import { type Call, requireKind, requireSet } from '@sluice/mesh';
import type { WaitForRevisionRequest, WaitForRevisionResponse } from '@sluice/proto';
import type { Context } from '../context.js';

/** Answers shortly before the deadline, so that the caller hears who is missing. */
const answerBeforeMs = 50;

export async function handleWaitForRevision(
  { acks }: Context,
  { set: asked, revision }: WaitForRevisionRequest,
  call: Call,
): Promise<WaitForRevisionResponse> {
  requireKind(call.principal, 'console', 'server');
  const set = requireSet(call.principal, asked);
  call.park();
  const acknowledgements = await acks.wait(set, revision, call.deadlineMs - answerBeforeMs, call.signal);
  const isComplete = acknowledgements.length > 0 && acknowledgements.every((one) => one.revision >= revision);
  return { acknowledgements, isComplete };
}
