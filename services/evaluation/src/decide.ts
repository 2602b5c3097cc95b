import { decisionToWire, kindFromWire, openFeatureReason } from '@sluice/codec';
import {
  type AskedKind,
  type Context,
  type Decision as EngineDecision,
  evaluateAll,
  evaluateAs,
  kindOf,
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
  decideAs: (kind: AskedKind, name: string) => Decision,
): Decision {
  const found = kind === Kind.UNSPECIFIED ? kindOf(program, name) : (kindFromWire(kind) ?? 'gate');
  const decision = decideAs(found ?? 'gate', name);
  // Nothing of that name, of whatever kind: say so, rather than that a gate is missing.
  return found === undefined ? { ...decision, kind: Kind.UNSPECIFIED } : decision;
}

/** Every decision of the ruleset: gates, then configs and experiments, then layers. */
export function decideAll({ program, user, context }: Deciding): EngineDecision[] {
  const { gates, configs, layers } = evaluateAll(program, user, context);
  return [...gates.values(), ...configs.values(), ...layers.values()];
}

function decide(deciding: Deciding, kind: AskedKind, name: string): Decision {
  const { program, user, context } = deciding;
  const decision = evaluateAs(kind, program, name, user, context);
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
