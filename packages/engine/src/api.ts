/** The questions that callers ask of a program. */
import { Call } from './call.js';
import type { CompiledSpec } from './compiled.js';
import type { Context } from './context.js';
import { decideConfig, decideGate, decideLayer } from './decide.js';
import type { ConfigDecision, Decision, GateDecision, LayerDecision } from './decision.js';
import { type AskedKind, specNamed } from './evaluate.js';
import { Evaluation } from './evaluation.js';
import { Recorder, type SpecTrace } from './explain.js';
import { decidePlain } from './plan.js';
import type { Program } from './program.js';
import { SlotMap } from './slot-map.js';
import type { User } from './user.js';

/** Decides a gate, segment or holdout. Unknown names are answers with a reason, never errors. */
export function evaluateGate(program: Program, name: string, user: User, context: Context): GateDecision {
  const spec = specNamed(program, 'gate', name);
  const plain = spec && decidePlain(new Call(program, user, context), 'gate', name, spec);
  return plain ?? decideGate(new Evaluation(program, user, context), name);
}

/** Decides a config. As an experiment, a bandit of that name answers first. */
export function evaluateConfig(
  program: Program,
  name: string,
  user: User,
  context: Context,
  kind: 'config' | 'experiment' = 'config',
): ConfigDecision {
  const spec = specNamed(program, kind, name);
  const plain = spec && decidePlain(new Call(program, user, context), kind, name, spec);
  return plain ?? decideConfig(new Evaluation(program, user, context), name, kind);
}

/** Decides a layer. */
export function evaluateLayer(program: Program, name: string, user: User, context: Context): LayerDecision {
  const spec = specNamed(program, 'layer', name);
  const plain = spec && decidePlain(new Call(program, user, context), 'layer', name, spec);
  return plain ?? decideLayer(new Evaluation(program, user, context), name);
}

/** How a name is asked for, the first that there is: a gate, a config or experiment, a layer. */
export function kindOf(program: Program, name: string): AskedKind | undefined {
  const { gates, configs, layers, cmabs } = program.ruleset;
  if (gates.has(name)) return 'gate';
  if (configs.has(name) || cmabs.has(name)) return configKindOf(program, name);
  return layers.has(name) ? 'layer' : undefined;
}

/** How a config is asked for: experiments, autotunes and bandits as experiments. */
export function configKindOf({ ruleset }: Program, name: string): 'config' | 'experiment' {
  return ruleset.cmabs.has(name) ? 'experiment' : kindOfEntity(ruleset.configs.get(name)?.entity ?? '');
}

/** The same for a config that is no bandit. */
export function kindOfEntity(entity: string): 'config' | 'experiment' {
  return entity === 'experiment' || entity === 'autotune' ? 'experiment' : 'config';
}

/** Decides a name as one kind. */
export function evaluateAs(
  kind: AskedKind,
  program: Program,
  name: string,
  user: User,
  context: Context,
): GateDecision | ConfigDecision | LayerDecision {
  if (kind === 'gate') return evaluateGate(program, name, user, context);
  if (kind === 'layer') return evaluateLayer(program, name, user, context);
  return evaluateConfig(program, name, user, context, kind);
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
  return {
    gate: (name) => gateIn(evaluation, name, specNamed(program, 'gate', name)),
    config: (name, kind = 'config') => configIn(evaluation, name, kind, specNamed(program, kind, name)),
    layer: (name) => layerIn(evaluation, name, specNamed(program, 'layer', name)),
  };
}

function gateIn(evaluation: Evaluation, name: string, spec: CompiledSpec | undefined): GateDecision {
  return (spec && decidePlain(evaluation, 'gate', name, spec)) ?? decideGate(evaluation.restart(), name);
}

function configIn(
  evaluation: Evaluation,
  name: string,
  kind: 'config' | 'experiment',
  spec: CompiledSpec | undefined,
): ConfigDecision {
  return (spec && decidePlain(evaluation, kind, name, spec)) ?? decideConfig(evaluation.restart(), name, kind);
}

function layerIn(evaluation: Evaluation, name: string, spec: CompiledSpec | undefined): LayerDecision {
  return (spec && decidePlain(evaluation, 'layer', name, spec)) ?? decideLayer(evaluation.restart(), name);
}

/** Every decision of a ruleset for one user. */
export interface AllDecisions {
  readonly gates: ReadonlyMap<string, GateDecision>;
  /** Experiments, autotunes and bandits as experiments, everything else as configs; bandits are among them without a config too. */
  readonly configs: ReadonlyMap<string, ConfigDecision>;
  readonly layers: ReadonlyMap<string, LayerDecision>;
}

/** Decides everything for one user; what is known about the user is worked out once. */
export function evaluateAll(program: Program, user: User, context: Context): AllDecisions {
  const evaluation = new Evaluation(program, user, context);
  const { names } = program;
  const configs = decideEach(program.configs, (name, spec) =>
    configIn(evaluation, name, configKindOf(program, name), spec),
  );
  for (const name of program.cmabs?.keys() ?? []) {
    const slot = names.configs.find(name);
    if (slot !== undefined) configs[slot] ??= configIn(evaluation, name, 'experiment', undefined);
  }
  return {
    gates: new SlotMap(
      names.gates,
      decideEach(program.gates, (name, spec) => gateIn(evaluation, name, spec)),
    ),
    configs: new SlotMap(names.configs, configs),
    layers: new SlotMap(
      names.layers,
      decideEach(program.layers, (name, spec) => layerIn(evaluation, name, spec)),
    ),
  };
}

/** Decisions by slot. */
function decideEach<Decided>(
  specs: readonly (CompiledSpec | undefined)[],
  decide: (name: string, spec: CompiledSpec) => Decided,
): (Decided | undefined)[] {
  const decisions: (Decided | undefined)[] = [];
  for (let slot = 0; slot < specs.length; slot++) {
    const spec = specs[slot];
    decisions.push(spec && decide(spec.authored.name, spec));
  }
  return decisions;
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

/** Explains a name as one kind. */
export function explainAs(
  kind: AskedKind,
  program: Program,
  name: string,
  user: User,
  context: Context,
): Explanation<Decision> {
  if (kind === 'gate') return explainGate(program, name, user, context);
  if (kind === 'layer') return explainLayer(program, name, user, context);
  return explainConfig(program, name, user, context, kind);
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
