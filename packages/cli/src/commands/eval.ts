import { invalid } from '@sluice/mesh';
import { type Decision, DecisionError, type Key, Kind, type Provenance, type User } from '@sluice/proto';
import type { Command } from 'commander';
import { addRevisionOptions, type RevisionOptions, revisionFields } from '../at-revision.js';
import { decisionDocument, kindWord, provenanceDocument, provenanceText, reasonText } from '../decision.js';
import { exitCodes } from '../exit-code.js';
import type { Host, Invocation } from '../host.js';
import { parseKey } from '../keys.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import type { Style } from '../style.js';
import { formatTable } from '../table.js';
import { readUser } from '../user-input.js';
import { shorten } from '../words.js';

interface EvalOptions extends RevisionOptions {
  readonly user?: string;
  readonly all?: boolean;
  readonly exposure: boolean;
}

export function addEval(parent: Command, host: Host): void {
  const command = parent
    .command('eval')
    .description('decide gates, configs, experiments and layers for a user')
    .argument('[keys...]', 'names, or kind/name such as layer/checkout where a name is used twice')
    .option('-a, --all', 'decide everything; never counts as exposures')
    .option('-u, --user <json>', 'the user: JSON, @file.json, or - for standard input')
    .option('--no-exposure', 'do not count these as exposures');
  addRevisionOptions(command).addHelpText('after', `\n${jsonHelp}`).action(host.onMesh<EvalOptions>(evaluate));
}

const jsonHelp = `JSON: {project, environment, revision, ageMs, isStale,
       decisions: [{name, kind, value, ruleId, groupName, idType, reason, error, detail, version,
       isExperimentGroup, allocatedExperiment, explicitParameters, secondaryExposures}]}
With --at-revision, revision is the one that was replayed.
Exit code 3 when a key is not found; the others are printed.`;

interface Answer {
  readonly decisions: Decision[];
  readonly provenance: Provenance | undefined;
}

async function evaluate(session: Session, { args, options }: Invocation<EvalOptions>): Promise<Report> {
  const keys = readKeys(args, options.all === true);
  const user = await readUser(session.io, options.user);
  const { decisions, provenance } = await ask(session, keys, user, options);
  const isAnyUnknown = decisions.some(({ error }) => error === DecisionError.FLAG_NOT_FOUND);
  return {
    document: { ...provenanceDocument(provenance), decisions: decisions.map(decisionDocument) },
    text: (style) => `${tableOf(decisions, style)}\n\n${style.faint('revision')} ${provenanceText(provenance, style)}`,
    exitCode: isAnyUnknown ? exitCodes.notFound : exitCodes.ok,
  };
}

async function ask(session: Session, keys: Key[], user: User, options: EvalOptions): Promise<Answer> {
  const common = { set: session.set, user, ...revisionFields(options) };
  if (options.all) return session.evaluation.evaluateAll(common, session.call);
  return session.evaluation.evaluate({ ...common, keys, isExposureDisabled: !options.exposure }, session.call);
}

function readKeys(args: readonly string[], isAll: boolean): Key[] {
  if (isAll && args.length > 0) throw invalid('--all', 'decides everything; leave the keys out, or --all');
  if (!isAll && args.length === 0) throw invalid('keys', 'name what to decide, or say --all');
  return args.map(parseKey);
}

const valueCharactersMax = 72;

function tableOf(decisions: readonly Decision[], style: Style): string {
  if (decisions.length === 0) return 'nothing to decide: the set is empty';
  const rows = decisions.map((decision) => [
    kindWord(decision.kind) || '?',
    style.strong(decision.name),
    valueText(decision, style),
    decision.ruleId,
    decision.groupName,
    reasonText(decision),
  ]);
  const titles = ['KIND', 'NAME', 'VALUE', 'RULE', 'GROUP', 'REASON'];
  return formatTable(
    titles.map((title) => ({ title })),
    rows,
    style,
  );
}

function valueText(decision: Decision, style: Style): string {
  if (decision.kind !== Kind.GATE) return shorten(decision.valueJson, valueCharactersMax);
  return decision.gateValue ? style.good('true') : style.bad('false');
}
