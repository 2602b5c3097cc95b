import { entityKey } from '@sluice/codec';
import { type Call, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import { Section, type UpdateGateRequest, type UpdateGateResponse } from '@sluice/proto';
import type { Context } from '../context.js';
import { checkReason } from '../names.js';
import { planGate } from '../plan-gate.js';

export async function handleUpdateGate(
  { writer }: Context,
  request: UpdateGateRequest,
  { principal }: Call,
): Promise<UpdateGateResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, request.set);
  checkReason(request.reason);
  const { head } = await writer.write({
    set,
    author: principal.label,
    reason: request.reason,
    plan: (current) => planGate(current, request),
  });
  const version = head.entities.get(entityKey({ section: Section.GATE, name: request.name }))?.entity.version ?? 0;
  return { revision: head.revision, version, committedAtMs: head.committedAtMs };
}
