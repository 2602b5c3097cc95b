import { invalid } from '@sluice/mesh';
import { IdListMode, Section, type UploadIdListRequest } from '@sluice/proto';
import { type Command, Option } from 'commander';
import type { Host, Invocation } from '../host.js';
import { linesOf } from '../lines.js';
import { inWords, type Wording, wordingOf } from '../refusal.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { count } from '../words.js';
import {
  addExpectedVersion,
  addWriteOptions,
  changeJsonHelp,
  changeReport,
  type WriteOptions,
} from '../write-options.js';

interface Options extends WriteOptions {
  readonly add?: boolean;
  readonly remove?: boolean;
  readonly idType?: string;
  readonly expectedVersion?: number;
}

const idsPerChunk = 10_000;
const lineBytesMax = 16_384;
/** A million ids take a few seconds; a slow line takes longer. */
const uploadTimeoutMs = 300_000;

/** `upload` and `show` of id lists. */
export function addListUpload(parent: Command, host: Host): void {
  const upload = parent
    .command('upload')
    .description('replace an id list, add ids to it or take some away: one id on a line, up to a million')
    .argument('<name>', 'its name')
    .argument('<file>', 'the ids; - for standard input')
    .addOption(new Option('--add', 'the ids join the list').conflicts('remove'))
    .option('--remove', 'the ids leave the list')
    .option('--id-type <type>', 'the id type of the ids; userID unless said');
  addWriteOptions(addExpectedVersion(upload))
    .addHelpText('after', `\n${changeJsonHelp.replace('committedAt,', 'committedAt, size, added, removed,')}`)
    .action(host.onMesh<Options>(uploadList));
  parent
    .command('show')
    .description('the size of an id list, and which of some ids it holds')
    .argument('<name>', 'its name')
    .option('--has <ids...>', 'ids to look for')
    .addHelpText(
      'after',
      '\nJSON: {project, environment, name, description, idType, size, version, revision, held: [id]}',
    )
    .action(host.onMesh<{ has?: string[] }>(showList));
}

function wordingFor(name: string): Wording {
  const wording = wordingOf(`list/${name}`, { section: Section.ID_LIST, name }, 'name');
  const missing = '`sluice list list` lists them, `sluice list upload` makes one';
  return { ...wording, remedies: { ...wording.remedies, not_found: missing } };
}

async function uploadList(session: Session, { args, options }: Invocation<Options>): Promise<Report> {
  const [name = '', file = '-'] = args;
  const set = session.requireSet();
  const mode = options.add ? IdListMode.ADD : options.remove ? IdListMode.REMOVE : IdListMode.REPLACE;
  const { idType = '', reason = '', expectedVersion } = options;
  async function* parts(): AsyncIterable<UploadIdListRequest> {
    yield { part: { $case: 'header', value: { set, name, mode, idType, reason, expectedVersion } } };
    let unitIds: string[] = [];
    for await (const line of linesOf(session.io.stream(file), lineBytesMax)) {
      if (line.problem !== undefined) throw invalid(`line ${line.number}`, line.problem);
      const id = line.text.trim();
      if (id !== '') unitIds.push(id);
      if (unitIds.length < idsPerChunk) continue;
      yield { part: { $case: 'chunk', value: { unitIds } } };
      unitIds = [];
    }
    if (unitIds.length > 0) yield { part: { $case: 'chunk', value: { unitIds } } };
  }
  const answer = await inWords(wordingFor(name), session.config.uploadIdList(parts(), { timeoutMs: uploadTimeoutMs }));
  const { size, added, removed } = answer;
  const what = `${count(size, 'id')}: ${added} added, ${removed} removed`;
  return changeReport(session, { set, key: `list/${name}`, what, ...answer, more: { size, added, removed } }, options);
}

async function showList(
  session: Session,
  { args: [name = ''], options }: Invocation<{ has?: string[] }>,
): Promise<Report> {
  const set = session.requireSet();
  const unitIds = options.has ?? [];
  const answer = await inWords(wordingFor(name), session.config.describeIdList({ set, name, unitIds }, session.call));
  const { size, idType, heldUnitIds: held, version, revision, description } = answer;
  return {
    document: { ...set, name, description: description || null, idType, size, version, revision, held },
    text: (style) => {
      const head = `${style.strong(`list/${name}`)}  ${count(size, 'id')} of ${idType} · version ${version} · revision ${revision}`;
      const rows = unitIds.map(
        (id) => `  ${id}  ${held.includes(id) ? style.good('is in it') : style.faint('is not in it')}`,
      );
      return [head, ...(description === '' ? [] : [`  ${description}`]), ...rows].join('\n');
    },
  };
}
