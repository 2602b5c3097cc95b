/** Parameter stores: named parameters that take their values from gates, configs, experiments and layers. */
import { evaluateConfig, evaluateGate, evaluateLayer } from './api.js';
import type { Context } from './context.js';
import type { Decision } from './decision.js';
import type { JsonNode } from './json-text.js';
import { type ParameterKind, parameterKindOf } from './parameter-kind.js';
import type { Program } from './program.js';
import type { JsonValue, User } from './user.js';
import { freezeNode, tryRead } from './value.js';

/** The value of a parameter, and the evaluation that gave it. */
export interface ParameterDecision {
  /** Undefined when there is no such store, parameter or value. */
  readonly value: JsonValue | undefined;
  /** What was evaluated on the way, for its exposure; null for static values. */
  readonly source: Decision | null;
  /** For layers: the parameter that was read. */
  readonly layerParameter: string | null;
}

const absent: ParameterDecision = { value: undefined, source: null, layerParameter: null };

/** Reads one parameter. Callers use it only where its type is that of their fallback (see `isSameType`). */
export function evaluateParameter(
  program: Program,
  store: string,
  parameter: string,
  user: User,
  context: Context,
): ParameterDecision {
  const parameters = program.ruleset.paramStores.get(store)?.parameters;
  if (parameters === undefined || !Object.hasOwn(parameters, parameter)) return absent;
  const members = tryRead(parameters[parameter]?.body);
  if (!(members instanceof Map)) return absent;
  const kind = parameterKindOf(members)?.kind;
  return kind === undefined ? absent : readParameter(program, kind, members, user, context);
}

function readParameter(
  program: Program,
  kind: ParameterKind['kind'],
  body: ReadonlyMap<string, JsonNode>,
  user: User,
  context: Context,
): ParameterDecision {
  const text = (key: string): string => {
    const node = body.get(key);
    return typeof node === 'string' ? node : '';
  };
  const literal = (key: string): JsonValue | undefined => {
    const node = body.get(key);
    return node === undefined ? undefined : freezeNode(node);
  };
  switch (kind) {
    case 'static':
      return { ...absent, value: literal('value') };
    case 'gate': {
      const source = evaluateGate(program, text('gate_name'), user, context);
      return { ...absent, source, value: literal(source.value ? 'pass_value' : 'fail_value') };
    }
    case 'config':
      return ofMember(evaluateConfig(program, text('config_name'), user, context), text('param_name'));
    case 'experiment':
      return ofMember(
        evaluateConfig(program, text('experiment_name'), user, context, 'experiment'),
        text('param_name'),
      );
    case 'layer': {
      const source = evaluateLayer(program, text('layer_name'), user, context);
      return { ...ofMember(source, text('param_name')), layerParameter: text('param_name') };
    }
  }
}

function ofMember(source: Exclude<Decision, { kind: 'gate' }>, name: string): ParameterDecision {
  const value = Object.hasOwn(source.value, name) ? source.value[name] : undefined;
  return { ...absent, source, value };
}

/** Whether two values have the same JSON type: typed getters answer their fallback otherwise. */
export function isSameType(value: JsonValue | undefined, fallback: JsonValue | undefined): boolean {
  return typeOf(value) === typeOf(fallback);
}

function typeOf(value: JsonValue | undefined): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
