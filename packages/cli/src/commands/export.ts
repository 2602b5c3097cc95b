import { exportedRuleset, rulesetFromEntities } from '@sluice/codec';
import { formatStatsigDocument } from '@sluice/engine';
import { invalid, notFound } from '@sluice/mesh';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import { parseCountInput } from '../json-input.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';

interface ExportOptions {
  readonly out?: string;
  readonly atRevision?: number;
}

export function addExport(parent: Command, host: Host): void {
  const group = parent.command('export').description('write a set in the format of another system');
  group
    .command('statsig')
    .description('write a Statsig config-spec document (v2 download_config_specs), for their SDKs')
    .option('-o, --out <file>', 'write it there; to standard output unless said')
    .option('--at-revision <n>', 'as it was at this revision', (text) =>
      parseCountInput('--at-revision', text, 1, Number.MAX_SAFE_INTEGER),
    )
    .addHelpText('after', `\n${help}`)
    .action(host.onMesh<ExportOptions>(exportStatsig));
}

const help = `The document's time is that of the revision, or that of the imported document if it is later; its
checksum follows the content: SDKs take every change for one. SDK keys are left out, and so are id
lists, which the format has no place for.

JSON: {project, environment, revision, file, bytes, time, checksum, omittedIdLists} with --out.
Without --out the document is printed, with or without --json.`;

async function exportStatsig(session: Session, { options }: Invocation<ExportOptions>): Promise<Report> {
  const set = session.requireSet();
  const request = { set, revision: options.atRevision ?? 0 };
  const { frame } = await session.rulesets.getRuleset(request, session.call);
  if (!frame) throw notFound('set', `there is nothing to export of ${set.project}/${set.environment}`);
  const ruleset = exportedRuleset(rulesetFromEntities(frame.upserts), frame);
  const omittedIdLists = [...ruleset.idLists.keys()];
  for (const name of omittedIdLists)
    session.io.err(`warning: id list ${name} is left out: the format has no place for it\n`);
  const output = formatStatsigDocument(ruleset);
  if (options.out === undefined) return { document: {}, text: () => '', output };
  write(session, options.out, output);
  const { time } = ruleset;
  const checksum = frame.stateHash.toString('hex');
  const bytes = Buffer.byteLength(output);
  const { revision } = frame;
  return {
    document: { ...set, revision, file: options.out, bytes, time, checksum, omittedIdLists },
    text: (style) =>
      `${style.strong(`${set.project}/${set.environment}`)}  revision ${revision} written to ${options.out}, ${bytes} bytes`,
  };
}

function write(session: Session, path: string, text: string): void {
  try {
    session.io.write(path, text);
  } catch (error) {
    throw invalid('--out', `${path} can't be written (${(error as NodeJS.ErrnoException).code}); name another file`);
  }
}
