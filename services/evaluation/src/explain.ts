import { specTraceToWire } from '@sluice/codec';
import { explainAs } from '@sluice/engine';
import type { Decision, Key, SpecTrace } from '@sluice/proto';
import { type Deciding, decideKey, encode } from './decide.js';

/** Decides one entity, and says what led to it. */
export function explainKey(deciding: Deciding, key: Key): { decision: Decision; specs: SpecTrace[] } {
  const { program, user, context } = deciding;
  let specs: SpecTrace[] = [];
  const decision = decideKey(deciding, key, (kind, name) => {
    const explanation = explainAs(kind, program, name, user, context);
    specs = explanation.trace.map(specTraceToWire);
    return encode(deciding, explanation.decision);
  });
  return { decision, specs };
}
