import { invalid } from '@sluice/mesh';
import type { Override, OverrideValue } from '@sluice/proto';
import type { Command } from 'commander';
import { findRef } from '../find-ref.js';
import type { Host } from '../host.js';
import { spellRef } from '../kinds.js';
import { readPages } from '../pages.js';
import { inWords, wordingOf } from '../refusal.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatTable } from '../table.js';
import { count, shorten } from '../words.js';
import { addWriteOptions, changeJsonHelp, changeReport, type WriteOptions } from '../write-options.js';

interface Options extends WriteOptions {
  readonly idType?: string;
}

export function addOverride(parent: Command, host: Host): void {
  const group = parent.command('override').description('give some units one answer, ahead of all rules');
  const put = group
    .command('put')
    .description('give units an answer; one that they had before goes')
    .argument('<key>', 'such as gate/checkout or experiment/button')
    .argument('<answer>', 'true or false for a gate, a group for an experiment, JSON for a config or layer')
    .argument('<ids...>', 'the units')
    .option('--id-type <type>', 'their id type; userID unless said');
  addWriteOptions(put).addHelpText('after', `\n${changeJsonHelp}`).action(host.onMesh<Options>(putOverride));
  const remove = group
    .command('delete')
    .description('let the rules decide again')
    .argument('<key>', 'such as gate/checkout')
    .argument('[ids...]', 'the units; all of the id type unless said')
    .option('--id-type <type>', 'their id type; userID unless said');
  addWriteOptions(remove).addHelpText('after', `\n${changeJsonHelp}`).action(host.onMesh<Options>(deleteOverride));
  group
    .command('list')
    .description('who gets which answer ahead of the rules')
    .argument('[key]', 'such as gate/checkout; all unless said')
    .option('--name <text>', 'only of entities whose name contains this')
    .option('--unit <id>', 'only those that this unit has')
    .addHelpText('after', '\nJSON: {revision, overrides: [{key, idType, answer, unitIds}]}')
    .action(
      host.onMesh<ListOptions>(async (session, { args: [key], options }) => listOverrides(session, key, options)),
    );
}

async function putOverride(
  session: Session,
  { args, options }: { args: readonly string[]; options: Options },
): Promise<Report> {
  const [key = '', answer = '', ...unitIds] = args;
  const set = session.requireSet();
  const { idType = '', reason = '' } = options;
  const ref = await findRef(session, 'key', key);
  const request = { set, ref, idType, unitIds, value: answerOf(key, answer), reason };
  const put = await inWords(wordingOf(key, ref, 'key'), session.config.putOverride(request, session.call));
  return changeReport(
    session,
    { set, key, what: `${count(unitIds.length, 'unit')} ${unitIds.length === 1 ? 'gets' : 'get'} ${answer}`, ...put },
    options,
  );
}

function answerOf(key: string, answer: string): OverrideValue {
  const [word] = key.split('/');
  if (word === 'experiment') return { kind: { $case: 'groupName', value: answer } };
  if (word === 'config' || word === 'layer') return { kind: { $case: 'json', value: answer } };
  if (answer === 'true' || answer === 'false') return { kind: { $case: 'boolValue', value: answer === 'true' } };
  throw invalid('answer', `must be true or false for ${key}, got ${answer}`);
}

async function deleteOverride(
  session: Session,
  { args, options }: { args: readonly string[]; options: Options },
): Promise<Report> {
  const [key = '', ...unitIds] = args;
  const set = session.requireSet();
  const { idType = '', reason = '' } = options;
  const ref = await findRef(session, 'key', key);
  const request = { set, ref, idType, unitIds, reason };
  const gone = await inWords(wordingOf(key, ref, 'key'), session.config.deleteOverride(request, session.call));
  const more = { removed: gone.removed };
  return changeReport(
    session,
    { set, key, what: `${count(gone.removed, 'override')} removed`, ...gone, more },
    options,
  );
}

/** Groups are what experiments answer; by its section alone an experiment is a config. */
function spellKey({ ref, value }: Override): string {
  const key = spellRef(ref);
  return value?.kind?.$case === 'groupName' ? key.replace(/^config\//, 'experiment/') : key;
}

interface ListOptions {
  readonly name?: string;
  readonly unit?: string;
}

async function listOverrides(session: Session, key: string | undefined, options: ListOptions): Promise<Report> {
  const ref = key === undefined ? undefined : await findRef(session, 'key', key);
  const { name: nameContains, unit: unitId } = options;
  const wanted = { set: session.set, ref, pageSize: 1_000, nameContains, unitId };
  const pages = await readPages((pageToken) => session.config.listOverrides({ ...wanted, pageToken }, session.call));
  const revision = pages.at(-1)?.revision ?? 0;
  const overrides = pages.flatMap((page) => page.overrides);
  const rows = overrides.map((one) => ({
    key: spellKey(one),
    idType: one.idType,
    answer: String(one.value?.kind?.value ?? ''),
    unitIds: one.unitIds,
  }));
  return {
    document: { revision, overrides: rows },
    text: (style) => {
      if (rows.length === 0) return 'no overrides';
      const titles = ['KEY', 'ANSWER', 'ID TYPE', 'UNITS'].map((title) => ({ title }));
      const cells = rows.map((row) => [
        style.strong(row.key),
        row.answer,
        row.idType,
        shorten(row.unitIds.join(', '), 80),
      ]);
      return formatTable(titles, cells, style);
    },
  };
}
