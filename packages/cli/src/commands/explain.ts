import { notFound } from '@sluice/mesh';
import { DecisionError, Kind } from '@sluice/proto';
import type { Command } from 'commander';
import { addRevisionOptions, type RevisionOptions, revisionFields } from '../at-revision.js';
import { decisionDocument, kindWord, provenanceDocument, provenanceText, reasonText } from '../decision.js';
import { specDocument, specLines } from '../explanation.js';
import type { Host, Invocation } from '../host.js';
import { parseKey } from '../keys.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatFields } from '../table.js';
import { readUser } from '../user-input.js';

interface ExplainOptions extends RevisionOptions {
  readonly user?: string;
}

export function addExplain(parent: Command, host: Host): void {
  const command = parent
    .command('explain')
    .description('say why a decision is what it is: each rule and condition, with what was compared')
    .argument('<key>', 'a name, or kind/name such as layer/checkout where a name is used twice')
    .option('-u, --user <json>', 'the user: JSON, @file.json, or - for standard input');
  addRevisionOptions(command).addHelpText('after', `\n${help}`).action(host.onMesh<ExplainOptions>(explain));
}

const help = `Never counts as an exposure. Rules and conditions that were not reached are shown as such.

JSON: {decision: {…as sluice eval}, project, environment, revision, ageMs, isStale,
       specs: [{kind, name, origin, isPassed, ruleId, rules: [{id, groupName, passPercentage, outcome, why,
       bucket, threshold, nested: [spec], conditions: [{id, type, operator, field, target, value,
       outcome, why, nested: [spec]}]}]}]}
Outcomes of rules: PASSED, FAILED_PERCENTAGE, DELEGATED, PASSED_OVER,
CONDITIONS_FAILED, UNSUPPORTED, NOT_EVALUATED. What decided (origin): RULES, MAPPING, BANDIT, LOCAL_OVERRIDE.
Outcomes of conditions: HOLDS, FAILS, UNSUPPORTED, UNKNOWN, NOT_EVALUATED.
A unit passes when its bucket, of 10,000, is below the threshold.`;

async function explain(session: Session, { args: [text = ''], options }: Invocation<ExplainOptions>): Promise<Report> {
  const user = await readUser(session.io, options.user);
  const key = parseKey(text);
  const answer = await session.evaluation.explain(
    { set: session.set, key, user, ...revisionFields(options) },
    session.call,
  );
  const { decision, provenance, specs } = answer;
  if (!decision || decision.error === DecisionError.FLAG_NOT_FOUND) {
    const revision = provenance?.revision ?? 0;
    throw notFound(
      'key',
      `there is no ${JSON.stringify(text)} at revision ${revision}; \`sluice eval --all\` names all`,
    );
  }
  return {
    document: {
      decision: decisionDocument(decision),
      ...provenanceDocument(provenance),
      specs: specs.map(specDocument),
    },
    text: (style) => {
      const value = decision.kind === Kind.GATE ? String(decision.gateValue) : decision.valueJson;
      const fields = [
        ['kind', kindWord(decision.kind)],
        ['value', value],
        ['rule', decision.ruleId],
        ['reason', reasonText(decision)],
        ['revision', provenanceText(provenance, style)],
      ] as const;
      const trace = specs.flatMap((spec) => specLines(spec, style));
      return [style.strong(decision.name), formatFields(fields, style), '', ...trace].join('\n');
    },
  };
}
