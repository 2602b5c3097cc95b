import {
  type ConfigDecision,
  type Context,
  configKindOf,
  type GateDecision,
  type LayerDecision,
  openSession,
  type Program,
  type SecondaryExposure,
  type Session,
  type User,
} from '@sluice/engine';

/** A member of an answer that is still to be decided: its key as JSON, and how. */
interface Question {
  readonly key: string;
  readonly ask: (session: Session) => string;
}

/** Everything that a program decides, in the order of its document. */
export interface Questions {
  readonly gates: readonly Question[];
  readonly configs: readonly Question[];
  readonly layers: readonly Question[];
}

/** Experiments and autotunes are asked for as experiments; bandits that have no config of their own, too. */
export function questionsOf(program: Program): Questions {
  const { gates, configs, layers, cmabs } = program.ruleset;
  const bandits = [...cmabs.keys()].filter((name) => !configs.has(name));
  return {
    gates: questions(gates.keys(), (name) => (session) => gateText(session.gate(name))),
    configs: questions([...configs.keys(), ...bandits], (name) => {
      const kind = configKindOf(program, name);
      return (session) => configText(session.config(name, kind));
    }),
    layers: questions(layers.keys(), (name) => (session) => layerText(session.layer(name))),
  };
}

function questions(names: Iterable<string>, askFor: (name: string) => Question['ask']): Question[] {
  return Array.from(names, (name) => ({ key: JSON.stringify(name), ask: askFor(name) }));
}

/**
 * All answers for a user, as one JSON text. Values are the text that the document has, so that
 * `1.0` stays `1.0`.
 */
export function answerText(
  program: Program,
  { gates, configs, layers }: Questions,
  user: User,
  context: Context,
): string {
  const session = openSession(program, user, context);
  const section = (asked: readonly Question[]): string =>
    `{${asked.map(({ key, ask }) => `${key}:${ask(session)}`).join(',')}}`;
  return `{"gates":${section(gates)},"configs":${section(configs)},"layers":${section(layers)}}`;
}

function gateText({ value, ruleID, idType, secondaryExposures }: GateDecision): string {
  return `{"value":${value},"ruleID":${json(ruleID)},"idType":${json(idType)},"secondaryExposures":${exposures(secondaryExposures)}}`;
}

function configText(decision: ConfigDecision): string {
  return `{${common(decision)},"secondaryExposures":${exposures(decision.secondaryExposures)}}`;
}

function layerText(decision: LayerDecision): string {
  const { allocatedExperiment, secondaryExposures, undelegatedSecondaryExposures: undelegated } = decision;
  const members = [
    common(decision),
    `"allocatedExperiment":${json(allocatedExperiment)}`,
    `"secondaryExposures":${exposures(secondaryExposures)}`,
    `"undelegatedSecondaryExposures":${undelegated === null ? 'null' : exposures(undelegated)}`,
  ];
  return `{${members.join(',')}}`;
}

function common({ valueText, ruleID, groupName, idType }: ConfigDecision | LayerDecision): string {
  return `"value":${valueText},"ruleID":${json(ruleID)},"groupName":${json(groupName)},"idType":${json(idType)}`;
}

function json(text: string | null): string {
  return JSON.stringify(text);
}

function exposures(list: readonly SecondaryExposure[]): string {
  return list.length === 0 ? '[]' : JSON.stringify(list);
}
