import { decisionToWire, openFeatureReason } from '@sluice/codec';
import {
  type Context,
  type Decision as EngineDecision,
  evaluateAll,
  evaluateConfig,
  evaluateGate,
  evaluateLayer,
  type Program,
  type User,
} from '@sluice/engine';
import { type Decision, type Key, Kind, Reason } from '@sluice/proto';
import { decideStore } from './decide-store.js';

/** What all decisions of one request have in common. */
export interface Deciding {
  readonly program: Program;
  readonly user: User;
  readonly context: Context;
  /** The ruleset is past the limit of staleness. */
  readonly isStale: boolean;
  /** Gets the experiments that conditions asked for: the user was in them as well. */
  readonly consulted?: EngineDecision[];
}

/** One decision for each key, in order. */
export function decideKeys(deciding: Deciding, keys: readonly Key[]): Decision[] {
  return keys.map((key) =>
    key.kind === Kind.PARAM_STORE
      ? decideStore(deciding, key.name)
      : decideKey(deciding, key, (kind, name) => decide(deciding, kind, name)),
  );
}

/** Finds out what is meant by a key, and has that decided. */
export function decideKey(
  { program }: Deciding,
  { kind, name }: Key,
  decideAs: (kind: Kind, name: string) => Decision,
): Decision {
  const found = kind === Kind.UNSPECIFIED ? findKind(program, name) : kind;
  const decision = decideAs(found === Kind.UNSPECIFIED ? Kind.GATE : found, name);
  // Nothing of that name, of whatever kind: say so, rather than that a gate is missing.
  return found === Kind.UNSPECIFIED ? { ...decision, kind: found } : decision;
}

/** Every decision of the ruleset: gates, then configs and experiments, then layers. */
export function decideAll({ program, user, context }: Deciding): EngineDecision[] {
  const { gates, configs, layers } = evaluateAll(program, user, context);
  return [...gates.values(), ...configs.values(), ...layers.values()];
}

function findKind(program: Program, name: string): Kind {
  const { gates, configs, layers, cmabs } = program.ruleset;
  if (gates.has(name)) return Kind.GATE;
  if (configs.has(name) || cmabs.has(name)) return configKind(program, name);
  return layers.has(name) ? Kind.LAYER : Kind.UNSPECIFIED;
}

function configKind({ ruleset }: Program, name: string): Kind {
  const entity = ruleset.configs.get(name)?.entity;
  const isExperiment = entity === 'experiment' || entity === 'autotune' || ruleset.cmabs.has(name);
  return isExperiment ? Kind.EXPERIMENT : Kind.CONFIG;
}

function decide(deciding: Deciding, kind: Kind, name: string): Decision {
  const decision = ask(deciding, kind, name);
  if (decision.consultedExperiments.length > 0) deciding.consulted?.push(...decision.consultedExperiments);
  return encode(deciding, decision);
}

/** Wire forms of decisions that the engine makes once: of a fresh ruleset, and of a stale one. */
const kept = { fresh: new WeakMap<EngineDecision, Decision>(), stale: new WeakMap<EngineDecision, Decision>() };

/** The wire form of a decision. Not to be written to. */
export function encode(deciding: Deciding, decision: EngineDecision): Decision {
  const wires = deciding.isStale ? kept.stale : kept.fresh;
  const known = wires.get(decision);
  if (known !== undefined) return known;
  const reason = openFeatureReason(decision, deciding.program.ruleset);
  const wire = decisionToWire(decision, deciding.isStale && reason !== Reason.ERROR ? Reason.STALE : reason);
  if (Object.isFrozen(decision)) wires.set(decision, wire);
  return wire;
}

function ask({ program, user, context }: Deciding, kind: Kind, name: string): EngineDecision {
  switch (kind) {
    case Kind.CONFIG:
      return evaluateConfig(program, name, user, context, 'config');
    case Kind.EXPERIMENT:
      return evaluateConfig(program, name, user, context, 'experiment');
    case Kind.LAYER:
      return evaluateLayer(program, name, user, context);
    default:
      return evaluateGate(program, name, user, context);
  }
}
