import { entitiesFromRuleset } from '@sluice/codec';
import { type ParsedDocument, parseStatsigDocument, StatsigDocumentError } from '@sluice/engine';
import { invalidFields } from '@sluice/mesh';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import { type ImportOptions, importJsonHelp, importRuleset } from '../import-ruleset.js';
import { parseCountInput } from '../json-input.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { readInput } from '../user-input.js';

const problemsMax = 20;

export function addImport(parent: Command, host: Host): void {
  const group = parent.command('import').description('load a project from the format of another system');
  group
    .command('statsig')
    .description('load a Statsig config-spec document (v2 download_config_specs), replacing what the set holds')
    .argument('<file>', 'the document; - for standard input')
    .option('--reason <text>', 'why, for the audit log')
    .option('--expected-revision <n>', 'refuse unless the set is at this revision', (text) =>
      parseCountInput('--expected-revision', text, 0, Number.MAX_SAFE_INTEGER),
    )
    .addHelpText('after', `\nThe project and environment are made when they do not exist.\n${importJsonHelp}`)
    .action(host.onMesh<ImportOptions>(importStatsig));
}

async function importStatsig(
  session: Session,
  { args: [file = '-'], options }: Invocation<ImportOptions>,
): Promise<Report> {
  const set = session.requireSet();
  const { ruleset, problems } = readStatsig(await readInput(session.io, 'file', file));
  return importRuleset(session, set, entitiesFromRuleset(ruleset), options, problems);
}

/** @throws SluiceError `invalid` with a line for each thing that makes it no such document. */
function readStatsig(text: string): ParsedDocument {
  try {
    return parseStatsigDocument(text);
  } catch (error) {
    if (!(error instanceof StatsigDocumentError)) throw error;
    const problems = error.problems.slice(0, problemsMax);
    throw invalidFields(
      problems.map(({ path, message }) => ({
        field: path === '' ? 'file' : `file: ${path}`,
        message: `${message}; this must be a v2 download_config_specs document`,
      })),
    );
  }
}
