import type { ImportRulesetResponse, Problem, SetRef } from '@sluice/proto';
import { type Arrivals, awaitArrivals, waitJsonHelp } from './arrivals.js';
import type { ProjectWrite } from './authoring-file.js';
import { exitCodes } from './exit-code.js';
import { inWords, wordingOfSet } from './refusal.js';
import type { Report } from './report.js';
import type { Session } from './session.js';
import { count } from './words.js';

export interface ImportOptions {
  readonly reason?: string;
  readonly expectedRevision?: number;
  /** Dangling references and overlapping allocations are warnings: other systems evaluate them, too. */
  readonly isTolerant?: boolean;
  /** For every live evaluator. */
  readonly wait?: boolean;
}

export const importJsonHelp = `JSON: {project, environment, revision, upserted, deleted, warnings: [{path, message}],
       isEverywhere, evaluators: [{instance, region, revision, latencyMs, hasIt}]}
      ${waitJsonHelp}`;

/**
 * Replaces the ruleset of a set, in one revision, and says what that did. `dropped`: what the reader
 * of the document already had to leave out.
 */
export async function importRuleset(
  session: Session,
  part: ProjectWrite,
  options: ImportOptions,
  dropped: readonly Problem[] = [],
): Promise<Report> {
  const { set } = part;
  const answer = await send(session, part, options, false);
  const arrivals = await awaitArrivals(session, set, answer.revision, options.wait);
  return reportOf(set, answer, [...dropped, ...answer.warnings], arrivals);
}

/** Checks everything as `importRuleset` would, and changes nothing. */
export function rehearseImport(
  session: Session,
  part: ProjectWrite,
  options: ImportOptions,
): Promise<ImportRulesetResponse> {
  return send(session, part, options, true);
}

function send(
  { imports, call }: Session,
  { set, entities, overrides }: ProjectWrite,
  { expectedRevision, reason = '', isTolerant = false }: ImportOptions,
  isDryRun: boolean,
): Promise<ImportRulesetResponse> {
  const request = { set, entities, overrides, expectedRevision, reason, isTolerant, isDryRun };
  return inWords(wordingOfSet, imports.importRuleset(request, call));
}

function reportOf(
  set: SetRef,
  answer: ImportRulesetResponse,
  warnings: readonly Problem[],
  arrivals: Arrivals,
): Report {
  const { revision, upserted, deleted } = answer;
  return {
    document: {
      ...set,
      revision,
      upserted,
      deleted,
      warnings: warnings.map(({ path, message }) => ({ path, message })),
      ...arrivals.document,
    },
    text: (style) => {
      const isSame = upserted === 0 && deleted === 0;
      const change = isSame ? 'nothing differed' : `${count(upserted, 'part')} written, ${deleted} deleted`;
      return [
        `${style.strong(`${set.project}/${set.environment}`)}  revision ${revision}: ${change}`,
        ...warnings.map(({ path, message }) => style.warn(`  ${path}: ${message}`)),
      ]
        .join('\n')
        .concat(arrivals.text(style));
    },
    exitCode: arrivals.isLate ? exitCodes.unavailable : exitCodes.ok,
  };
}
