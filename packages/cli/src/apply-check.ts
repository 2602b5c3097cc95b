import { type ErrorKind, SluiceError } from '@sluice/mesh';
import type { ImportRulesetResponse } from '@sluice/proto';
import type { ProjectWrite } from './authoring-file.js';
import { type ImportOptions, rehearseImport } from './import-ruleset.js';
import type { Report } from './report.js';
import type { Session } from './session.js';
import { count } from './words.js';

export const checkJsonHelp = `With --dry-run: {project, environment, isDryRun, isAsked, counts: {gate, condition, …}, revision, upserted,
       deleted, warnings}; when config can't be asked, isAsked is false and what it would say is missing.`;

/** Nobody answers, or nobody that may be asked. */
const silence: ReadonlySet<ErrorKind> = new Set(['unavailable', 'deadline', 'unauthenticated', 'forbidden']);

/** Whether config would take a file that is right by itself: it knows the engine's rules, and what stands. */
export async function checkApply(session: Session, part: ProjectWrite, options: ImportOptions): Promise<Report> {
  const { set, entities } = part;
  const counts: Record<string, number> = {};
  for (const { body } of entities) if (body) counts[body.$case] = (counts[body.$case] ?? 0) + 1;
  const words = Object.entries(counts).map(([kind, amount]) => `${amount} ${kind}`);
  const asked = await ask(session, part, options);
  const isAsked = typeof asked !== 'string';
  return {
    document: { ...set, isDryRun: true, isAsked, counts, ...(isAsked ? asked : {}) },
    text: (style) => {
      const key = style.strong(`${set.project}/${set.environment}`);
      const head = `${key}  ${style.good(isAsked ? 'valid' : 'valid by itself')}: ${words.join(', ') || 'empty'}`;
      if (!isAsked) {
        return `${head}; nothing was changed\n${style.warn(`  not checked by config, which also looks at patterns and references: ${asked}`)}`;
      }
      const change = `would write ${count(asked.upserted, 'part')} and delete ${asked.deleted}; nothing was changed`;
      const notes = asked.warnings.map(({ path, message }) => style.warn(`  ${path}: ${message}`));
      return [`${head}; ${change}`, ...notes].join('\n');
    },
  };
}

/** What config would answer, or why it can't be asked. */
async function ask(
  session: Session,
  part: ProjectWrite,
  options: ImportOptions,
): Promise<ImportRulesetResponse | string> {
  try {
    return await rehearseImport(session, part, options);
  } catch (error) {
    if (error instanceof SluiceError && silence.has(error.kind)) return error.message;
    throw error;
  }
}
