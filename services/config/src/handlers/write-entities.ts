import { entityKey, sectionOf } from '@sluice/codec';
import { type Call, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type { Transaction } from '@sluice/postgres';
import type { EntityWrite, WriteEntitiesRequest, WriteEntitiesResponse } from '@sluice/proto';
import type { Context } from '../context.js';
import { checkReason } from '../names.js';
import { entitiesOf, planWrite } from '../plan-write.js';
import { type Expectation, refuseClash } from '../refuse-clash.js';
import type { Write } from '../writer.js';

const warningsMax = 100;

export async function handleWriteEntities(
  { writer }: Context,
  request: WriteEntitiesRequest,
  { principal }: Call,
): Promise<WriteEntitiesResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, request.set);
  const { writes, reason, expectedRevision, overrides } = request;
  checkReason(reason);
  const entities = entitiesOf(writes);
  const run = (_tx: Transaction, write: Write) =>
    write({
      ...{ set, author: principal.label, reason, expectedRevision },
      plan: async (head, tx) => {
        await refuseClash(tx, set, head, expectationsOf(writes));
        return planWrite(head, entities, overrides);
      },
    });
  const { head, isNew, warnings } = await (request.isDryRun ? writer.rehearse(run) : writer.transaction(run));
  return {
    revision: head.revision,
    committedAtMs: head.committedAtMs,
    entities: entities.map((entity) => {
      const held = head.entities.get(entityKey(entity));
      return {
        ref: { section: sectionOf(entity), name: entity.name },
        version: held?.entity.version ?? 0,
        isChanged: isNew && held?.changedInRevision === head.revision,
      };
    }),
    warnings: warnings.slice(0, warningsMax).map(({ path, message }) => ({ path, message })),
  };
}

function* expectationsOf(writes: readonly EntityWrite[]): Iterable<Expectation> {
  for (const [index, { entity, expectedVersion }] of writes.entries()) {
    if (!entity) continue;
    const ref = { section: sectionOf(entity), name: entity.name };
    yield { ref, expectedVersion, field: `writes[${index}].expected_version`, yours: entity };
  }
}
