import type { Authored } from '@sluice/codec';
import { invalid } from '@sluice/mesh';
import type { Command } from 'commander';
import { checkApply, checkJsonHelp } from '../apply-check.js';
import { type ProjectWrite, readProjects } from '../authoring-file.js';
import { describeProject } from '../describe-project.js';
import { exitCodes } from '../exit-code.js';
import type { Host, Invocation } from '../host.js';
import { type ImportOptions, importJsonHelp, importRuleset, rehearseImport } from '../import-ruleset.js';
import { parseCountInput } from '../json-input.js';
import { inWords, wordingOfSet } from '../refusal.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { readInput } from '../user-input.js';
import { addWriteOptions, writeJsonHelp, writeReport } from '../write-options.js';

interface ApplyOptions extends ImportOptions {
  readonly file?: string;
  readonly merge?: boolean;
  readonly dryRun?: boolean;
  readonly project?: string;
}

export function addApply(parent: Command, host: Host): void {
  const command = parent
    .command('apply')
    .description('load projects from a friendly YAML or JSON file, replacing what their sets hold')
    .argument('[file]', 'the file; - for standard input')
    .option('-f, --file <file>', 'the file, said as an option')
    .option('--merge', 'write what the file names, and leave everything else as it is')
    .option('--dry-run', 'only check: the file by itself, and by asking config whether it would take it')
    .option('--expected-revision <n>', 'refuse unless the set is at this revision', (text) =>
      parseCountInput('--expected-revision', text, 0, Number.MAX_SAFE_INTEGER),
    );
  addWriteOptions(command).addHelpText('after', `\n${help}`).action(host.onMesh<ApplyOptions>(apply));
}

const help = `The project is the file's, unless --project names another; the environment is that of the
context. A file may have several documents with --- between them: those of one project
are one whole, and each project becomes one revision. Several projects are all checked
before the first is written; they are not one transaction.

With --merge each entity that the file names is written as a whole (a layer with the
order of its experiments), all of a project in one revision, 1,000 entities at most.
What the file does not name stays, also when it was taken out of the file: archive it.

Overrides stay as they are, unless the entity says \`overrides\`; a salt that is not said is
made from the name. A \`description\` beside \`project\` is the project's.

\`sluice schema\` prints the JSON Schema of the file.

${importJsonHelp}
${checkJsonHelp}
With --merge:
${writeJsonHelp}
With several projects: {sets: [one of these for each]}.`;

async function apply(session: Session, { args, options }: Invocation<ApplyOptions>): Promise<Report> {
  const text = await readInput(session.io, 'file', fileOf(args[0], options.file));
  const parts = partsOf(session, readProjects(text, { isPart: options.merge === true }), options);
  const run = options.merge ? merge : options.dryRun ? checkApply : importRuleset;
  if (parts.length > 1 && !options.dryRun) await rehearse(session, parts, options);
  const reports: Report[] = [];
  for (const part of parts) {
    try {
      reports.push(await run(session, part, options));
      if (!options.dryRun) await describeProject(session, part.set.project, part.description);
    } catch (error) {
      const done = parts.slice(0, reports.length).map(({ set }) => set.project);
      if (done.length > 0 && !options.dryRun) session.io.err(`warning: written before this: ${done.join(', ')}\n`);
      throw error;
    }
  }
  return joinReports(reports);
}

function fileOf(argument: string | undefined, option: string | undefined): string {
  if (argument !== undefined && option !== undefined) throw invalid('--file', 'is there twice; name one file');
  const file = argument ?? option;
  if (file === undefined) throw invalid('file', 'is missing; name one, or - for standard input');
  return file;
}

function partsOf(session: Session, found: readonly Authored[], options: ApplyOptions): ProjectWrite[] {
  const set = session.requireSet();
  if (found.length > 1) {
    const projects = found.map(({ project }) => project).join(', ');
    const why = `goes with one project, and the file has ${projects}; leave it out, or split the file`;
    if (options.project !== undefined) throw invalid('--project', why);
    if (options.expectedRevision !== undefined) throw invalid('--expected-revision', why);
  }
  return found.map(({ project, ...said }) => ({ ...said, set: { ...set, project: options.project ?? project } }));
}

/** As many as config takes in one transaction. */
const writesMax = 1_000;

async function merge(
  session: Session,
  { set, entities, overrides }: ProjectWrite,
  options: ApplyOptions,
): Promise<Report> {
  const { dryRun: isDryRun = false, reason = '', expectedRevision } = options;
  if (entities.length === 0) throw invalid('file', `names nothing of ${set.project}; there is nothing to merge`);
  if (entities.length > writesMax) {
    const what = `${entities.length} entities of ${set.project}, conditions among them`;
    throw invalid('file', `has ${what}; --merge writes ${writesMax} at once: split the file, or leave --merge out`);
  }
  const writes = entities.map((entity) => ({ entity, expectedVersion: undefined }));
  const request = { set, writes, overrides, expectedRevision, reason, isDryRun };
  const answer = await inWords(wordingOfSet, session.config.writeEntities(request, session.call));
  const report = await writeReport(session, set, entities, answer, options);
  return { ...report, text: (style) => `${style.strong(`${set.project}/${set.environment}`)}  ${report.text(style)}` };
}

/** Asks the server whether it would take each of them. */
async function rehearse(session: Session, parts: readonly ProjectWrite[], options: ApplyOptions): Promise<void> {
  for (const part of parts) {
    if (options.merge) await merge(session, part, { ...options, dryRun: true });
    else await rehearseImport(session, part, options);
  }
}

function joinReports(reports: readonly Report[]): Report {
  const [only] = reports;
  if (only && reports.length === 1) return only;
  return {
    document: { sets: reports.map(({ document }) => document) },
    text: (style) => reports.map((report) => report.text(style)).join('\n'),
    exitCode: reports.find(({ exitCode = exitCodes.ok }) => exitCode !== exitCodes.ok)?.exitCode ?? exitCodes.ok,
  };
}
