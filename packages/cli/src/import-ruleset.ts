import type { Entity, ImportRulesetResponse, Problem, SetRef } from '@sluice/proto';
import type { Report } from './report.js';
import type { Session } from './session.js';
import { count } from './words.js';

export interface ImportOptions {
  readonly reason?: string;
  readonly expectedRevision?: number;
  /** Dangling references and overlapping allocations are warnings: other systems evaluate them, too. */
  readonly isTolerant?: boolean;
}

export const importJsonHelp = 'JSON: {project, environment, revision, upserted, deleted, warnings: [{path, message}]}';

/**
 * Replaces the ruleset of a set, in one revision, and says what that did. `dropped`: what the reader
 * of the document already had to leave out.
 */
export async function importRuleset(
  session: Session,
  set: SetRef,
  entities: Entity[],
  options: ImportOptions,
  dropped: readonly Problem[] = [],
): Promise<Report> {
  const answer = await session.config.importRuleset(
    {
      set,
      entities,
      expectedRevision: options.expectedRevision,
      reason: options.reason ?? '',
      isTolerant: options.isTolerant ?? false,
      isDryRun: false,
    },
    session.call,
  );
  return reportOf(set, answer, [...dropped, ...answer.warnings]);
}

function reportOf(set: SetRef, answer: ImportRulesetResponse, warnings: readonly Problem[]): Report {
  const { revision, upserted, deleted } = answer;
  return {
    document: {
      ...set,
      revision,
      upserted,
      deleted,
      warnings: warnings.map(({ path, message }) => ({ path, message })),
    },
    text: (style) => {
      const isSame = upserted === 0 && deleted === 0;
      const change = isSame ? 'nothing differed' : `${count(upserted, 'part')} written, ${deleted} deleted`;
      return [
        `${style.strong(`${set.project}/${set.environment}`)}  revision ${revision}: ${change}`,
        ...warnings.map(({ path, message }) => style.warn(`  ${path}: ${message}`)),
      ].join('\n');
    },
  };
}
