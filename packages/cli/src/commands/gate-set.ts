import { invalid } from '@sluice/mesh';
import { Section, type UpdateGateRequest } from '@sluice/proto';
import type { Command } from 'commander';
import { awaitArrivals, waitJsonHelp } from '../arrivals.js';
import { exitCodes } from '../exit-code.js';
import type { Host, Invocation } from '../host.js';
import { parseCountInput, parseNumberInput } from '../json-input.js';
import { inWords, wordingOf } from '../refusal.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { isoTime } from '../words.js';

interface SetOptions {
  readonly rollout?: number;
  readonly on?: boolean;
  readonly off?: boolean;
  readonly rule?: string;
  readonly wait?: boolean;
  readonly reason?: string;
  readonly expectedVersion?: number;
}

export function addGateSet(parent: Command, host: Host): void {
  parent
    .command('set')
    .description('change the rollout of a gate, or switch it on or off')
    .argument('<gate>', 'its name')
    .option('--rollout <percent>', 'pass percentage, 0 to 100', (text) => parseNumberInput('--rollout', text, 0, 100))
    .option('--rule <id>', 'the rule that --rollout is for; else the last one')
    .option('--on', 'switch it on')
    .option('--off', 'switch it off: false for everybody, the rules are kept')
    .option('--wait', 'wait until every live evaluator answers by the change')
    .option('--reason <text>', 'why, for the audit log')
    .option('--expected-version <n>', 'refuse unless the gate is at this version', (text) =>
      parseCountInput('--expected-version', text, 0, 2 ** 32 - 1),
    )
    .addHelpText('after', `\n${jsonHelp}`)
    .action(host.onMesh<SetOptions>(setGate));
}

const jsonHelp = `JSON: {project, environment, name, revision, version, committedAt, isEverywhere,
       evaluators: [{instance, region, revision, latencyMs, hasIt}]}
      ${waitJsonHelp}`;

async function setGate(session: Session, { args, options }: Invocation<SetOptions>): Promise<Report> {
  const request = requestOf(args[0] ?? '', options);
  const set = session.requireSet();
  const ref = { section: Section.GATE, name: request.name };
  const { fields, ...wording } = wordingOf(`gate/${request.name}`, ref, 'name');
  const { revision, version, committedAtMs } = await inWords(
    { ...wording, fields: { ...fields, ...flagsOfSet } },
    session.config.updateGate({ set, ...request }, session.call),
  );
  const arrivals = await awaitArrivals(session, set, revision, options.wait);
  return {
    document: {
      ...set,
      name: request.name,
      revision,
      version,
      committedAt: isoTime(committedAtMs),
      ...arrivals.document,
    },
    text: (style) => {
      const head = `${style.strong(request.name)}  ${changeOf(options)} · revision ${revision} · version ${version}`;
      return `${head}${arrivals.text(style)}`;
    },
    exitCode: arrivals.isLate ? exitCodes.unavailable : exitCodes.ok,
  };
}

const flagsOfSet = { name: 'gate', rule_id: '--rule', rollout_percentage: '--rollout' } as const;

function requestOf(name: string, options: SetOptions): Omit<UpdateGateRequest, 'set'> {
  if (options.on && options.off) throw invalid('--on', 'goes not with --off; choose one');
  if (options.rollout === undefined && !options.on && !options.off) {
    throw invalid('gate', 'nothing to change; say --rollout <percent>, --on or --off');
  }
  if (options.rule !== undefined && options.rollout === undefined) {
    throw invalid('--rule', 'is for --rollout, which is missing');
  }
  return {
    name,
    rolloutPercentage: options.rollout,
    ruleId: options.rule ?? '',
    isEnabled: options.on ? true : options.off ? false : undefined,
    expectedVersion: options.expectedVersion,
    reason: options.reason ?? '',
  };
}

function changeOf({ rollout, rule, on, off }: SetOptions): string {
  const parts = [
    ...(on ? ['on'] : []),
    ...(off ? ['off'] : []),
    ...(rollout === undefined ? [] : [`${rollout} %${rule === undefined ? '' : ` of rule ${rule}`}`]),
  ];
  return parts.join(', ');
}
