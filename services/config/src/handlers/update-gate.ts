import { entityKey } from '@sluice/codec';
import { type Call, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import { Section, type UpdateGateRequest, type UpdateGateResponse } from '@sluice/proto';
import type { Context } from '../context.js';
import { checkReason } from '../names.js';
import { planGate } from '../plan-gate.js';
import { refuseClash } from '../refuse-clash.js';

export async function handleUpdateGate(
  { writer }: Context,
  request: UpdateGateRequest,
  { principal }: Call,
): Promise<UpdateGateResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, request.set);
  checkReason(request.reason);
  const { name, expectedVersion } = request;
  const ref = { section: Section.GATE, name };
  const { head } = await writer.write({
    set,
    author: principal.label,
    reason: request.reason,
    plan: async (current, tx) => {
      const plan = planGate(current, request);
      const [yours] = plan.upserts;
      await refuseClash(tx, set, current, [{ ref, expectedVersion, field: 'expected_version', yours }]);
      return plan;
    },
  });
  const version = head.entities.get(entityKey(ref))?.entity.version ?? 0;
  return { revision: head.revision, version, committedAtMs: head.committedAtMs };
}
