/** The questions that callers ask of a program. */
import type { Context } from './context.js';
import { decideConfig, decideGate, decideLayer } from './decide.js';
import type { ConfigDecision, Decision, GateDecision, LayerDecision } from './decision.js';
import { Evaluation } from './evaluation.js';
import { Recorder, type SpecTrace } from './explain.js';
import type { Program } from './program.js';
import type { User } from './user.js';

/** Decides a gate, segment or holdout. Unknown names are answers with a reason, never errors. */
export function evaluateGate(program: Program, name: string, user: User, context: Context): GateDecision {
  return decideGate(new Evaluation(program, user, context), name);
}

/** Decides a config. As an experiment, a bandit of that name answers first. */
export function evaluateConfig(
  program: Program,
  name: string,
  user: User,
  context: Context,
  kind: 'config' | 'experiment' = 'config',
): ConfigDecision {
  return decideConfig(new Evaluation(program, user, context), name, kind);
}

/** Decides a layer. */
export function evaluateLayer(program: Program, name: string, user: User, context: Context): LayerDecision {
  return decideLayer(new Evaluation(program, user, context), name);
}

/** Every decision of a ruleset for one user. */
export interface AllDecisions {
  readonly gates: ReadonlyMap<string, GateDecision>;
  /** Experiments and autotunes as experiments, everything else as configs. */
  readonly configs: ReadonlyMap<string, ConfigDecision>;
  readonly layers: ReadonlyMap<string, LayerDecision>;
}

/** Decides everything for one user; what is known about the user is worked out once. */
export function evaluateAll(program: Program, user: User, context: Context): AllDecisions {
  const session = openSession(program, user, context);
  const { gates, configs, layers } = program.ruleset;
  const gateDecisions = new Map<string, GateDecision>();
  for (const name of gates.keys()) gateDecisions.set(name, session.gate(name));
  const configDecisions = new Map<string, ConfigDecision>();
  for (const [name, { entity }] of configs) configDecisions.set(name, session.config(name, kindOfEntity(entity)));
  const layerDecisions = new Map<string, LayerDecision>();
  for (const name of layers.keys()) layerDecisions.set(name, session.layer(name));
  return { gates: gateDecisions, configs: configDecisions, layers: layerDecisions };
}

/** How a config entity is asked for: experiments and autotunes as experiments. */
export function kindOfEntity(entity: string): 'config' | 'experiment' {
  return entity === 'experiment' || entity === 'autotune' ? 'experiment' : 'config';
}

/** Several questions about one user. */
export interface Session {
  gate(name: string): GateDecision;
  config(name: string, kind?: 'config' | 'experiment'): ConfigDecision;
  layer(name: string): LayerDecision;
}

/** Asks several questions about one user, who must not change meanwhile; the answers are those of separate calls. */
export function openSession(program: Program, user: User, context: Context): Session {
  const evaluation = new Evaluation(program, user, context);
  const fresh = (): Evaluation => {
    evaluation.restart();
    return evaluation;
  };
  return {
    gate: (name) => decideGate(fresh(), name),
    config: (name, kind = 'config') => decideConfig(fresh(), name, kind),
    layer: (name) => decideLayer(fresh(), name),
  };
}

/** A decision with everything that led to it. */
export interface Explanation<Decided extends Decision> {
  readonly decision: Decided;
  /** What was evaluated at the top; several entities when config mappings were tried, none for unknown names. */
  readonly trace: readonly SpecTrace[];
}

/** Explains a gate: each rule and condition in order, also those that were not reached. */
export function explainGate(program: Program, name: string, user: User, context: Context): Explanation<GateDecision> {
  return explain(program, user, context, (evaluation) => decideGate(evaluation, name));
}

/** Explains a config or experiment. */
export function explainConfig(
  program: Program,
  name: string,
  user: User,
  context: Context,
  kind: 'config' | 'experiment' = 'config',
): Explanation<ConfigDecision> {
  return explain(program, user, context, (evaluation) => decideConfig(evaluation, name, kind));
}

/** Explains a layer. */
export function explainLayer(program: Program, name: string, user: User, context: Context): Explanation<LayerDecision> {
  return explain(program, user, context, (evaluation) => decideLayer(evaluation, name));
}

function explain<Decided extends Decision>(
  program: Program,
  user: User,
  context: Context,
  decide: (evaluation: Evaluation) => Decided,
): Explanation<Decided> {
  const evaluation = new Evaluation(program, user, context);
  const recorder = new Recorder();
  evaluation.recorder = recorder;
  const decision = decide(evaluation);
  return { decision, trace: recorder.roots };
}
