import { entitiesFromRuleset } from '@sluice/codec';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import { type ImportOptions, importJsonHelp, importRuleset } from '../import-ruleset.js';
import { parseCountInput } from '../json-input.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { readDocument } from '../statsig/document.js';
import { readInput } from '../user-input.js';
import { addWriteOptions } from '../write-options.js';

export function addImport(parent: Command, host: Host): void {
  const group = parent.command('import').description('load a project from the format of another system');
  const statsig = group
    .command('statsig')
    .description('load a Statsig config-spec document (v2 download_config_specs), replacing what the set holds')
    .argument('<file>', 'the document; - for standard input')
    .option('--expected-revision <n>', 'refuse unless the set is at this revision', (text) =>
      parseCountInput('--expected-revision', text, 0, Number.MAX_SAFE_INTEGER),
    );
  addWriteOptions(statsig)
    .addHelpText('after', `\nThe project and environment are made when they do not exist.\n${importJsonHelp}`)
    .action(host.onMesh<ImportOptions>(importStatsig));
}

async function importStatsig(
  session: Session,
  { args: [file = '-'], options }: Invocation<ImportOptions>,
): Promise<Report> {
  const set = session.requireSet();
  const { ruleset, problems } = readDocument('file', await readInput(session.io, 'file', file));
  const entities = entitiesFromRuleset(ruleset);
  return importRuleset(session, { set, entities, overrides: [] }, { ...options, isTolerant: true }, problems);
}
