import type { Entity, Parameter } from '@sluice/proto';
import { IdListBuilder, packKeys } from '../id-list-builder.js';
import { said } from './compile-gate.js';
import type { ListDocument, StoreDocument } from './schema.js';

export function storeEntity(name: string, store: StoreDocument): Entity {
  const parameters = Object.fromEntries(
    Object.entries(store.parameters).map(([parameter, source]) => [parameter, parameterOf(parameter, source)]),
  );
  const value = { parameters, targetAppIds: undefined, version: undefined };
  return { name, version: 0, ...said(store), body: { $case: 'paramStore', value } };
}

type Source = StoreDocument['parameters'][string];

/** Shapes of the reference's documents, which evaluators of every kind read. */
function parameterOf(name: string, source: Source): Parameter {
  const { value, gate, on, off, config, experiment, layer, parameter = name, type } = source;
  if (value !== undefined) return spell('static', type ?? typeOf(value), { value });
  if (gate !== undefined) {
    return spell('gate', type ?? typeOf(on), { gate_name: gate, pass_value: on, fail_value: off });
  }
  if (config !== undefined) {
    return spell('dynamic_config', type ?? '', { config_name: config, param_name: parameter });
  }
  if (experiment !== undefined) {
    return spell('experiment', type ?? '', { experiment_name: experiment, param_name: parameter });
  }
  return spell('layer', type ?? '', { layer_name: layer, param_name: parameter });
}

function spell(refType: string, paramType: string, rest: Readonly<Record<string, unknown>>): Parameter {
  const bodyJson = JSON.stringify({ ref_type: refType, param_type: paramType, ...rest });
  return { refType, paramType, bodyJson };
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return value === null ? 'object' : typeof value;
}

export function listEntity(name: string, list: ListDocument): Entity {
  const { id_type: idType, ids } = list;
  const builder = new IdListBuilder();
  for (const id of ids) builder.add(id);
  return {
    name,
    version: 0,
    ...said(list),
    body: { $case: 'idList', value: { keys: packKeys(builder.finish()), idType } },
  };
}
