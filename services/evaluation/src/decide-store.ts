import { kindToWire } from '@sluice/codec';
import { evaluateParameter, type JsonValue } from '@sluice/engine';
import { Decision, DecisionError, Kind, type ParameterSource, Reason } from '@sluice/proto';
import type { Deciding } from './decide.js';

/**
 * The values of all parameters of a store as one decision, with what each was taken from. Nobody knows here which of
 * them are read: who reads one asks for its source, and that is the exposure.
 */
export function decideStore({ program, user, context, isStale }: Deciding, name: string): Decision {
  const store = program.ruleset.paramStores.get(name);
  if (!store) return unknownStore(name);
  const values: Record<string, JsonValue> = Object.create(null);
  const parameterSources: ParameterSource[] = [];
  for (const parameter of Object.keys(store.parameters)) {
    const { value, source } = evaluateParameter(program, name, parameter, user, context);
    if (value !== undefined) values[parameter] = value;
    if (source) parameterSources.push({ parameter, source: { kind: kindToWire(source.kind), name: source.name } });
  }
  return Decision.fromPartial({
    ...{ kind: Kind.PARAM_STORE, name, valueJson: JSON.stringify(values), parameterSources },
    ...{ reason: isStale ? Reason.STALE : Reason.STATIC, detail: 'Recognized', version: store.version },
  });
}

function unknownStore(name: string): Decision {
  const error = DecisionError.FLAG_NOT_FOUND;
  const why = { reason: Reason.ERROR, error, detail: 'Unrecognized' };
  return Decision.fromPartial({ kind: Kind.PARAM_STORE, name, valueJson: '{}', ...why });
}
