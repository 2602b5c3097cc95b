import { type JsonNode, RepeatingMembers } from './json-text.js';

/** What a parameter of a store takes its value from, and the fields that say so. */
export interface ParameterKind {
  readonly kind: 'static' | 'gate' | 'config' | 'experiment' | 'layer';
  /** Fields that hold texts. The first names what is referred to. */
  readonly texts: readonly string[];
  /** Fields that hold any JSON, null included. */
  readonly values: readonly string[];
}

const kinds: readonly ParameterKind[] = [
  { kind: 'static', texts: [], values: ['value'] },
  { kind: 'gate', texts: ['gate_name'], values: ['pass_value', 'fail_value'] },
  { kind: 'config', texts: ['config_name', 'param_name'], values: [] },
  { kind: 'experiment', texts: ['experiment_name', 'param_name'], values: [] },
  { kind: 'layer', texts: ['layer_name', 'param_name'], values: [] },
];

/** The first kind whose fields are all there, once each; `ref_type` is not asked. Undefined: of no kind. */
export function parameterKindOf(members: ReadonlyMap<string, JsonNode>): ParameterKind | undefined {
  const repeated = members instanceof RepeatingMembers ? [...members.repeated] : [];
  return kinds.find(
    ({ texts, values }) =>
      !repeated.some((field) => texts.includes(field) || values.includes(field)) &&
      texts.every((field) => typeof members.get(field) === 'string') &&
      values.every((field) => members.get(field) !== undefined),
  );
}
