import { type Call, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type { Transaction } from '@sluice/postgres';
import type { ImportRulesetRequest, ImportRulesetResponse } from '@sluice/proto';
import type { Context } from '../context.js';
import type { Head } from '../head.js';
import { checkReason, checkSetName } from '../names.js';
import { planImport } from '../plan-import.js';
import { ensureSet } from '../sets.js';
import type { Write } from '../writer.js';

const warningsMax = 100;

export async function handleImportRuleset(
  { writer }: Context,
  { set: asked, entities, expectedRevision, reason, isTolerant, isDryRun, overrides }: ImportRulesetRequest,
  { principal }: Call,
): Promise<ImportRulesetResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, asked);
  checkSetName(set);
  checkReason(reason);
  const author = principal.label;
  const run = async (tx: Transaction, write: Write) => {
    await ensureSet(tx, write, set, author);
    const plan = (head: Head) => planImport(head, entities, isTolerant, overrides);
    return write({ set, author, reason, expectedRevision, isTolerant, plan });
  };
  const written = await (isDryRun ? writer.rehearse(run) : writer.transaction(run));
  return {
    revision: written.head.revision,
    upserted: written.upserted,
    deleted: written.deleted,
    warnings: written.warnings.slice(0, warningsMax).map(({ path, message }) => ({ path, message })),
  };
}
