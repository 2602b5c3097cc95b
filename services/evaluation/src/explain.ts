import { specTraceToWire } from '@sluice/codec';
import {
  type Decision as EngineDecision,
  type Explanation,
  explainConfig,
  explainGate,
  explainLayer,
} from '@sluice/engine';
import { type Decision, type Key, Kind, type SpecTrace } from '@sluice/proto';
import { type Deciding, decideKey, encode } from './decide.js';

/** Decides one entity, and says what led to it. */
export function explainKey(deciding: Deciding, key: Key): { decision: Decision; specs: SpecTrace[] } {
  let specs: SpecTrace[] = [];
  const decision = decideKey(deciding, key, (kind, name) => {
    const explanation = ask(deciding, kind, name);
    specs = explanation.trace.map(specTraceToWire);
    return encode(deciding, explanation.decision);
  });
  return { decision, specs };
}

function ask({ program, user, context }: Deciding, kind: Kind, name: string): Explanation<EngineDecision> {
  switch (kind) {
    case Kind.CONFIG:
      return explainConfig(program, name, user, context, 'config');
    case Kind.EXPERIMENT:
      return explainConfig(program, name, user, context, 'experiment');
    case Kind.LAYER:
      return explainLayer(program, name, user, context);
    default:
      return explainGate(program, name, user, context);
  }
}
