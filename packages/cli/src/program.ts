import { version } from '@sluice/mesh';
import { Command, Option } from 'commander';
import { addApply } from './commands/apply.js';
import { addAudit } from './commands/audit.js';
import { addBooks } from './commands/books.js';
import { addCheck } from './commands/check.js';
import { addContext } from './commands/context.js';
import { addDeadLetters } from './commands/deadletters.js';
import { addEnvironment } from './commands/environment.js';
import { addEval } from './commands/eval.js';
import { addEvents } from './commands/events.js';
import { addExplain } from './commands/explain.js';
import { addExport } from './commands/export.js';
import { addExposures } from './commands/exposures.js';
import { addHistory } from './commands/history.js';
import { addImport } from './commands/import.js';
import { addIncidents } from './commands/incidents.js';
import { addKey } from './commands/key.js';
import { addKinds } from './commands/kind.js';
import { addListings } from './commands/listings.js';
import { addLog } from './commands/log.js';
import { addMesh } from './commands/mesh.js';
import { addOverride } from './commands/override.js';
import { addProject } from './commands/project.js';
import { addRegion } from './commands/region.js';
import { addSchema } from './commands/schema.js';
import { addSets } from './commands/sets.js';
import { addSlo } from './commands/slo.js';
import { addStatsig } from './commands/statsig.js';
import { addUsage } from './commands/usage.js';
import { durationFor } from './duration.js';
import { exitCodeHelp } from './exit-code.js';
import { Host } from './host.js';
import type { Io } from './io.js';

/** The groups of `sluice --help`, in the order in which they are printed. */
export const groups = {
  rulesets: 'Rulesets:',
  decisions: 'Decisions:',
  events: 'Events:',
  mesh: 'Mesh and access:',
} as const;

/** The whole command tree. A command is one file in `commands/`, which adds itself to its parent. */
export function createProgram(io: Io): { program: Command; host: Host } {
  const host = new Host(io);
  const program = new Command('sluice')
    .description('Feature gates, configs, experiments and events of a Sluice mesh.')
    .version(version, '-V, --version')
    .option('-p, --project <name>', 'project (SLUICE_PROJECT)')
    .option('-e, --environment <name>', 'environment (SLUICE_ENVIRONMENT)')
    .option('--context <file>', 'context file (SLUICE_CONTEXT); else .sluice/context.json here or above')
    .option('--json', 'print one JSON document')
    .addOption(
      new Option('--timeout <time>', 'deadline of each call, such as 500ms or 10s')
        .default(5000, '5s')
        .argParser(durationFor('--timeout')),
    )
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .showSuggestionAfterError(true)
    .addHelpText('after', `\n${help}\n\n${exitCodeHelp}`)
    .exitOverride();
  program.commandsGroup(groups.rulesets);
  for (const add of [
    addApply,
    addImport,
    addExport,
    addListings,
    addKinds,
    addOverride,
    addHistory,
    addAudit,
    addSchema,
  ])
    add(program, host);
  program.commandsGroup(groups.decisions);
  for (const add of [addCheck, addEval, addExplain, addStatsig]) add(program, host);
  program.commandsGroup(groups.events);
  for (const add of [addLog, addExposures, addEvents, addUsage, addBooks, addDeadLetters]) add(program, host);
  program.commandsGroup(groups.mesh);
  for (const add of [addMesh, addSlo, addIncidents, addContext, addSets, addProject, addEnvironment, addKey, addRegion])
    add(program, host);
  return { program, host };
}

const help = `The mesh is found through the context file that \`make up\` writes, or by
SLUICE_CONSUL (host:port of Consul), SLUICE_KEY_FILE or SLUICE_KEY (an SDK key),
SLUICE_REGION, SLUICE_PROJECT and SLUICE_ENVIRONMENT. Flags win over variables,
and those over the file. Options may stand before or after the command.

With --json every command prints one JSON document with camelCase fields on
standard output; \`sluice <command> --help\` names them. Times are ISO 8601.`;
