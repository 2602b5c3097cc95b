import { notFound } from '@sluice/mesh';
import { DecisionError, Kind } from '@sluice/proto';
import type { Command } from 'commander';
import { addRevisionOptions, type RevisionOptions, revisionFields } from '../at-revision.js';
import { decisionDocument, provenanceDocument, provenanceText, reasonText } from '../decision.js';
import type { Host, Invocation } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatFields } from '../table.js';
import { readUser } from '../user-input.js';

interface CheckOptions extends RevisionOptions {
  readonly user?: string;
  readonly exposure: boolean;
}

export function addCheck(parent: Command, host: Host): void {
  const command = parent
    .command('check')
    .description('decide a gate for a user: value, rule, reason, revision; counts as an exposure')
    .argument('<gate>', 'its name')
    .option('-u, --user <json>', 'the user: JSON, @file.json, or - for standard input')
    .option('--no-exposure', 'do not count this as an exposure');
  addRevisionOptions(command).addHelpText('after', `\n${jsonHelp}`).action(host.onMesh<CheckOptions>(check));
}

const jsonHelp = `JSON: {name, kind, value, ruleId, groupName, idType, reason, error, detail, version,
       secondaryExposures: [{gate, gateValue, ruleId}],
       project, environment, revision, ageMs, isStale}`;

async function check(session: Session, { args: [name = ''], options }: Invocation<CheckOptions>): Promise<Report> {
  const user = await readUser(session.io, options.user);
  const { decisions, provenance } = await session.evaluation.evaluate(
    {
      set: session.set,
      keys: [{ kind: Kind.GATE, name }],
      user,
      ...revisionFields(options),
      isExposureDisabled: !options.exposure,
    },
    session.call,
  );
  const decision = decisions[0];
  if (!decision || decision.error === DecisionError.FLAG_NOT_FOUND) {
    throw notFound(
      'gate',
      `there is no gate ${JSON.stringify(name)} at revision ${provenance?.revision ?? 0}; \`sluice gates\` lists them`,
    );
  }
  return {
    document: { ...decisionDocument(decision), ...provenanceDocument(provenance) },
    text: (style) => {
      const value = decision.gateValue ? style.good('true') : style.bad('false');
      const fields = [
        ['rule', decision.ruleId],
        ['reason', reasonText(decision)],
        ['revision', provenanceText(provenance, style)],
      ] as const;
      return `${style.strong(name)}  ${value}\n${formatFields(fields, style)}`;
    },
  };
}
