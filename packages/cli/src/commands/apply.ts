import { readAuthoring } from '@sluice/codec';
import type { Entity, SetRef } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import { type ImportOptions, importJsonHelp, importRuleset } from '../import-ruleset.js';
import { parseCountInput } from '../json-input.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { readInput } from '../user-input.js';

interface ApplyOptions extends ImportOptions {
  readonly dryRun?: boolean;
  readonly project?: string;
}

export function addApply(parent: Command, host: Host): void {
  parent
    .command('apply')
    .description('load a project from a friendly YAML or JSON document, replacing what the set holds')
    .argument('<file>', 'the document; - for standard input')
    .option('--dry-run', 'only check the document')
    .option('--reason <text>', 'why, for the audit log')
    .option('--expected-revision <n>', 'refuse unless the set is at this revision', (text) =>
      parseCountInput('--expected-revision', text, 0, Number.MAX_SAFE_INTEGER),
    )
    .addHelpText('after', `\nThe project is the document's, unless --project names another.\n${importJsonHelp}`)
    .action(host.onMesh<ApplyOptions>(apply));
}

async function apply(session: Session, { args: [file = '-'], options }: Invocation<ApplyOptions>): Promise<Report> {
  const { project, entities } = readAuthoring(await readInput(session.io, 'file', file));
  const set = { ...session.requireSet(), project: options.project ?? project };
  return options.dryRun ? checked(set, entities) : importRuleset(session, set, entities, options);
}

function checked(set: SetRef, entities: readonly Entity[]): Report {
  const counts: Record<string, number> = {};
  for (const { body } of entities) if (body) counts[body.$case] = (counts[body.$case] ?? 0) + 1;
  const words = Object.entries(counts).map(([kind, amount]) => `${amount} ${kind}`);
  return {
    document: { ...set, isDryRun: true, counts },
    text: (style) => `${style.good('valid')}  ${words.join(', ') || 'empty'}; nothing was changed`,
  };
}
