import { type Authored, AuthoringError, readAuthoring, readPlain } from '@sluice/codec';
import { invalid } from '@sluice/mesh';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import { parseNumberInput, parseObjectInput } from '../json-input.js';
import {
  documentOf,
  type KindFlags,
  parseAllocation,
  parseCondition,
  parseGroup,
  parseList,
  parseParameter,
} from '../kind-flags.js';
import { type Kind, refOf } from '../kinds.js';
import { inWords, type Wording, wordingOf } from '../refusal.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { withStoredSalt } from '../stored-salt.js';
import { readInput } from '../user-input.js';
import {
  addExpectedVersion,
  addWriteOptions,
  type WriteOptions,
  writeJsonHelp,
  writeReport,
} from '../write-options.js';

interface Options extends WriteOptions, KindFlags {
  readonly file?: string;
  readonly dryRun?: boolean;
  readonly expectedVersion?: number;
}

/** `create` and `update` of a kind, from flags or from its part of a friendly document. */
export function addKindWrite(parent: Command, host: Host, kind: Kind): void {
  const create = parent.command('create').description(`make ${kind.about}`);
  const update = parent
    .command('update')
    .description(
      `say ${kind.about.replace(/:.*/, '')} anew, as a whole; what is not said gets its default, but the salt stays`,
    );
  addExpectedVersion(update);
  for (const command of [create, update]) {
    command
      .argument('<name>', 'its name')
      .option(
        '-f, --file <file>',
        `what would stand under \`${kind.part}: {<name>: …}\`, in YAML or JSON; - for standard input`,
      )
      .option('--dry-run', 'check everything, change nothing');
    addFlags(command, kind.word);
    addWriteOptions(command).addHelpText('after', `\n${writeJsonHelp}`);
  }
  create.action(host.onMesh<Options>((session, typed) => write(session, typed, kind, true)));
  update.action(host.onMesh<Options>((session, typed) => write(session, typed, kind, false)));
}

const flagsOf: Readonly<Record<string, readonly string[]>> = {
  gate: ['idType', 'salt', 'holdout', 'off', 'rollout', 'conditions'],
  segment: ['conditions'],
  holdout: ['idType', 'salt', 'percentage', 'conditions'],
  config: ['idType', 'salt', 'holdout', 'default', 'value', 'rollout', 'conditions'],
  experiment: ['idType', 'salt', 'holdout', 'parameters', 'group', 'status', 'allocation', 'conditions'],
  layer: ['idType', 'salt', 'parameters'],
  store: ['parameter'],
  list: ['idType', 'id'],
};

const percent = (flag: string) => (text: string) => parseNumberInput(flag, text, 0, 100);
const object = (flag: string) => (text: string) => parseObjectInput(flag, text, '{"color":"green"}');

const adders: Readonly<Record<string, (command: Command) => Command>> = {
  idType: (command) => command.option('--id-type <type>', 'the id type of the units; userID unless said'),
  salt: (command) => command.option('--salt <text>', 'salt of its hashes; made from the name unless said'),
  holdout: (command) => command.option('--holdout <name>', 'units of this holdout get the default'),
  off: (command) => command.option('--off', 'switched off: false for everybody'),
  rollout: (command) => command.option('--rollout <percent>', 'share of the matching units', percent('--rollout')),
  percentage: (command) =>
    command.option('--percentage <percent>', 'share of units that is held out', percent('--percentage')),
  default: (command) => command.option('--default <json>', 'the answer when no rule matches', object('--default')),
  value: (command) => command.option('--value <json>', 'the answer for those who are picked', object('--value')),
  parameters: (command) =>
    command.option('--parameters <json>', 'every parameter with its default', object('--parameters')),
  parameter: (command) =>
    command.option('--parameter <name={…}>', 'where a parameter takes its value from; repeat it', parseParameter),
  group: (command) => command.option('--group <name:weight[:{…}]>', 'a group; repeat it, weights make 100', parseGroup),
  status: (command) => command.option('--status <status>', 'draft, running or stopped'),
  allocation: (command) => command.option('--allocation <from-to>', 'the slice of units, in percent', parseAllocation),
  id: (command) => command.option('--id <ids>', 'ids with commas between', parseList),
  conditions: (command) =>
    command
      .option('--country <codes>', 'only units in these countries, with commas between', parseList)
      .option('--segment <name>', 'only units of this segment; repeat it', parseList)
      .option('--in-list <name>', 'only user ids of this id list; repeat it', parseList)
      .option('--when <json>', `another condition, such as '{"field":"plan","is":"pro"}'; repeat it`, parseCondition),
};

function addFlags(command: Command, word: string): void {
  command.option('--description <text>', 'for people');
  for (const flag of flagsOf[word] ?? []) adders[flag]?.(command);
}

async function write(
  session: Session,
  { args: [name = ''], options }: Invocation<Options>,
  kind: Kind,
  isNew: boolean,
): Promise<Report> {
  const set = session.requireSet();
  const expectedVersion = isNew ? 0 : options.expectedVersion;
  const said = options.file === undefined ? documentOf(kind.word, options) : await readPart(session, options.file);
  const part = isNew ? said : await withStoredSalt(session, set, kind, name, said);
  const { entities, overrides } = compile(kind, name, part, set.project);
  const { name: own } = refOf(kind, name);
  const writes = entities.map((entity) => ({
    entity,
    expectedVersion: entity.name === own && entity.body?.$case !== 'condition' ? expectedVersion : undefined,
  }));
  const { reason = '', dryRun = false } = options;
  const request = { set, writes, overrides, expectedRevision: undefined, reason, isDryRun: dryRun };
  const wording = wordingFor(kind, name, expectedVersion);
  const answer = await inWords(wording, session.config.writeEntities(request, session.call));
  return writeReport(session, set, entities, answer, options);
}

/** Version 0 is what `create` expects. */
function wordingFor(kind: Kind, name: string, expectedVersion: number | undefined): Wording {
  const wording = wordingOf(`${kind.word}/${name}`, refOf(kind, name), 'name');
  if (expectedVersion !== 0) return wording;
  const conflict = `choose another name, or change it with \`sluice ${kind.word} update ${name}\``;
  const fields = { ...wording.fields, 'writes[].expected_version': 'name' };
  return { ...wording, fields, remedies: { conflict } };
}

async function readPart(session: Session, file: string): Promise<unknown> {
  const text = await readInput(session.io, '--file', file);
  try {
    return readPlain(text);
  } catch (error) {
    if (error instanceof AuthoringError) throw invalid('--file', error.message);
    throw error;
  }
}

/** Errors name the place in the part, as its author wrote it. */
function compile(kind: Kind, name: string, part: unknown, project: string): Authored {
  try {
    return readAuthoring(JSON.stringify({ project, [kind.part]: { [name]: part } }), { isPart: true });
  } catch (error) {
    if (!(error instanceof AuthoringError)) throw error;
    const prefix = `${kind.part}.${name}`;
    const lines = error.problems.map(({ path, message }) => {
      const place = path.startsWith(prefix) ? path.slice(prefix.length).replace(/^\./, '') : path;
      return `${place || name}: ${message}`;
    });
    throw invalid(lines[0]?.split(': ')[0] ?? name, lines.join('\n').replace(/^[^:]*: /, ''));
  }
}
