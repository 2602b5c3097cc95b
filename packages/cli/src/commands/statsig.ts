import { type Context, compile, type Program } from '@sluice/engine';
import { invalid } from '@sluice/mesh';
import type { Command } from 'commander';
import { type ExitCode, exitCodes } from '../exit-code.js';
import type { Host, Invocation } from '../host.js';
import type { Io } from '../io.js';
import { parseCountInput } from '../json-input.js';
import type { Report } from '../report.js';
import { answerText, type Questions, questionsOf } from '../statsig/answers.js';
import { loadCountries } from '../statsig/countries.js';
import { readDocument } from '../statsig/document.js';
import { readIdLists } from '../statsig/id-lists.js';
import { type Line, readLines } from '../statsig/lines.js';
import { LineError, readUserLine } from '../statsig/user.js';
import { readInput } from '../user-input.js';

interface EvalOptions {
  readonly specs: string;
  readonly users: string;
  readonly now?: number;
  readonly idLists?: string;
}

export function addStatsig(parent: Command, host: Host): void {
  const group = parent.command('statsig').description('work with Statsig documents, without a mesh');
  group
    .command('eval')
    .description('decide everything in a document for each user of a file; prints one JSON line per user')
    .requiredOption('--specs <file>', 'the document (v2 download_config_specs); - for standard input')
    .requiredOption('--users <file>', 'users, one JSON object on each line; - for standard input')
    .option('--now <ms>', 'the time that rules see, Unix milliseconds; the clock unless said', (text) =>
      parseCountInput('--now', text, 0, Number.MAX_SAFE_INTEGER),
    )
    .option('--id-lists <folder>', 'id lists: a file for each, see below')
    .addHelpText('after', `\n${help}`)
    .action(host.local<EvalOptions>((invocation) => evaluate(host.io, invocation)));
}

const help = `--environment is the tier of users that name none; the document's default_environment unless said.

An id list is a file with the list's name (characters that a file name can't have percent-encoded, and
with any extension), which has a line +xxxxxxxx for each id that it gains and -xxxxxxxx for each that it
loses: the first 8 characters of the Base64 of the id's SHA-256.

JSON: {gates: {NAME: {value, ruleID, idType, secondaryExposures}},
       configs: {NAME: {value, ruleID, groupName, idType, secondaryExposures}},
       layers: {NAME: {value, ruleID, groupName, idType, allocatedExperiment, secondaryExposures,
       undelegatedSecondaryExposures}}} on each line, with or without --json.
Experiments and autotunes are among the configs. Values are spelled as in the document.
Empty lines are skipped. A line that is no user prints nothing, is reported with its number on
standard error, and makes the exit code 2.`;

/** What every line is decided with. */
interface Deciding {
  readonly program: Program;
  readonly questions: Questions;
  readonly context: () => Context;
}

async function evaluate(io: Io, { options }: Invocation<EvalOptions>): Promise<Report> {
  const deciding = await prepare(io, options);
  let exitCode: ExitCode = exitCodes.ok;
  for await (const line of linesOf(io, options.users)) {
    const problem = answer(io, deciding, line);
    if (problem === undefined) continue;
    io.err(`error: ${options.users === '-' ? 'standard input' : options.users}:${line.number}: ${problem}\n`);
    exitCode = exitCodes.usage;
  }
  return { document: {}, text: () => '', output: '', exitCode };
}

async function prepare(io: Io, options: Invocation<EvalOptions>['options']): Promise<Deciding> {
  if (options.specs === '-' && options.users === '-') {
    throw invalid('--users', 'can not be standard input as well; --specs is');
  }
  const { ruleset, problems } = readDocument('--specs', await readInput(io, '--specs', options.specs));
  for (const { path, message } of problems) io.err(`warning: ${path}: ${message}\n`);
  const idLists = options.idLists === undefined ? ruleset.idLists : await readIdLists(io, options.idLists);
  const { program } = compile({ ...ruleset, idLists });
  const countries = loadCountries();
  const environment = options.environment === undefined ? undefined : { tier: options.environment };
  return {
    program,
    questions: questionsOf(program),
    context: () => ({ now: options.now ?? Date.now(), countries, environment, random: Math.random() }),
  };
}

async function* linesOf(io: Io, path: string): AsyncGenerator<Line> {
  try {
    yield* readLines(io.stream(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw invalid('--users', `${path} can't be read (${code}); name a file, or - for standard input`);
  }
}

/** Prints the answers for one line. @returns what is wrong with it. */
function answer(io: Io, { program, questions, context }: Deciding, { bytes }: Line): string | undefined {
  try {
    const user = readUserLine(bytes);
    if (user !== undefined) io.out(`${answerText(program, questions, user, context())}\n`);
    return undefined;
  } catch (error) {
    if (error instanceof LineError) return error.message;
    if (error instanceof RangeError) return 'is nested too deeply';
    throw error;
  }
}
