import type { Parameter, ParamStore } from '@sluice/proto';
import { rawJson } from './report.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';
import { shorten } from './words.js';

/** For programs: the parameters as the server holds them. */
export function storeDocument({ parameters }: ParamStore): Record<string, unknown> {
  return {
    parameters: Object.fromEntries(byName(parameters).map(([name, { bodyJson }]) => [name, rawJson(bodyJson)])),
  };
}

/** Lines below the name: each parameter, its type, and where its value comes from. */
export function storeLines({ parameters }: ParamStore, style: Style): string[] {
  const rows = byName(parameters).map(([name, parameter]) => [
    `  ${name}`,
    parameter.paramType,
    sourceWords(parameter),
  ]);
  if (rows.length === 0) return ['  no parameters'];
  return [formatTable([{ title: '  PARAMETER' }, { title: 'TYPE' }, { title: 'VALUE' }], rows, style)];
}

function byName(parameters: ParamStore['parameters']): [string, Parameter][] {
  return Object.entries(parameters).sort(([left], [right]) => (left < right ? -1 : 1));
}

/** Such as `"big" if gate beta passes, else "small"`. */
export function sourceWords({ refType, bodyJson }: Parameter): string {
  const body = JSON.parse(bodyJson) as Readonly<Record<string, unknown>>;
  const value = (member: string): string => shorten(JSON.stringify(body[member]) ?? 'null', 80);
  const parameterOf = (word: string, name: unknown): string => `${body.param_name} of ${word} ${name}`;
  switch (refType) {
    case 'static':
      return value('value');
    case 'gate':
      return `${value('pass_value')} if gate ${body.gate_name} passes, else ${value('fail_value')}`;
    case 'dynamic_config':
      return parameterOf('config', body.config_name);
    case 'experiment':
      return parameterOf('experiment', body.experiment_name);
    case 'layer':
      return parameterOf('layer', body.layer_name);
    default:
      return shorten(bodyJson, 120);
  }
}
