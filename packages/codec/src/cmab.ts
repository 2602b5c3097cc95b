import { type Cmab, type CmabWeights, type JsonNode, JsonNumber, readAnyJson, writeJson } from '@sluice/engine';
import { EntityError } from './entity-error.js';

type JsonObject = ReadonlyMap<string, JsonNode>;

/**
 * Reads the JSON text of a bandit, spelled as in its source document.
 * @throws EntityError naming the member that is missing or of the wrong type.
 */
export function cmabFromJson(name: string, text: string): Cmab {
  const members = new Members(`cmab/${name}`, '', objectOf(`cmab/${name}`, text));
  const version = members.optional('version', asNumber);
  const config = members.optional('config', asObject);
  const targetingGateName = members.optional('targetingGateName', asText);
  const targetAppIDs = members.optional('targetAppIDs', asTexts);
  return {
    salt: members.required('salt', asText),
    idType: members.required('idType', asText),
    enabled: members.required('enabled', asBoolean),
    sampleRate: members.required('sampleRate', asNumber),
    higherIsBetter: members.required('higherIsBetter', asBoolean),
    groups: members.required('groups', asList).map((group, at) => groupOf(members.inner(`groups[${at}]`, group))),
    defaultValue: members.required('defaultValue', writeJson),
    ...(version === undefined ? {} : { version }),
    ...(config === undefined ? {} : { config: weightsOf(members, config) }),
    ...(targetingGateName === undefined ? {} : { targetingGateName }),
    ...(targetAppIDs === undefined ? {} : { targetAppIDs }),
  };
}

/** Compact JSON text of a bandit; the inverse of `cmabFromJson`. */
export function cmabToJson(cmab: Cmab): string {
  const { groups, defaultValue, ...plain } = cmab;
  const groupTexts = groups.map(
    ({ id, name, parameterValues }) =>
      `{"id":${JSON.stringify(id)},"name":${JSON.stringify(name)},"parameterValues":${parameterValues}}`,
  );
  const start = JSON.stringify(plain).slice(0, -1);
  return `${start},"groups":[${groupTexts.join(',')}],"defaultValue":${defaultValue}}`;
}

function groupOf(group: Members): Cmab['groups'][number] {
  return {
    id: group.required('id', asText),
    name: group.required('name', asText),
    parameterValues: group.required('parameterValues', writeJson),
  };
}

function weightsOf(members: Members, config: JsonObject): Record<string, CmabWeights> {
  return recordOf(config, (node, group) => {
    const weights = members.inner(`config.${group}`, node);
    const categorical = weights.required('weightsCategorical', asObject);
    return {
      alpha: weights.required('alpha', asNumber),
      intercept: weights.required('intercept', asNumber),
      records: weights.required('records', asNumber),
      weightsNumerical: numbersOf(weights, 'weightsNumerical', weights.required('weightsNumerical', asObject)),
      weightsCategorical: recordOf(categorical, (node, field) => {
        const path = `weightsCategorical.${field}`;
        return numbersOf(weights, path, weights.expect(path, asObject(node)));
      }),
    };
  });
}

function numbersOf(members: Members, path: string, numbers: JsonObject): Record<string, number> {
  return recordOf(numbers, (node, name) => members.expect(`${path}.${name}`, asNumber(node)));
}

/** `Object.fromEntries` defines its members, so that even `__proto__` is only a name. */
function recordOf<Value>(members: JsonObject, read: (node: JsonNode, name: string) => Value): Record<string, Value> {
  return Object.fromEntries([...members].map(([name, node]) => [name, read(node, name)]));
}

function objectOf(key: string, text: string): JsonObject {
  let node: JsonNode;
  try {
    node = readAnyJson(text);
  } catch (error) {
    throw new EntityError(key, `body_json is not JSON text: ${(error as Error).message}`, error);
  }
  if (node instanceof Map) return node;
  throw new EntityError(key, 'body_json must be the JSON text of an object');
}

/** The members of one object, with the words to complain about them. */
class Members {
  readonly #key: string;
  readonly #path: string;
  readonly #members: JsonObject;

  constructor(key: string, path: string, members: JsonObject) {
    this.#key = key;
    this.#path = path;
    this.#members = members;
  }

  required<Value>(name: string, read: (node: JsonNode) => Value | undefined): Value {
    const node = this.#members.get(name);
    if (node === undefined) throw new EntityError(this.#key, `${this.#path}${name} is missing`);
    return this.expect(name, read(node));
  }

  /** Null counts as absent. */
  optional<Value>(name: string, read: (node: JsonNode) => Value | undefined): Value | undefined {
    const node = this.#members.get(name);
    return node === undefined || node === null ? undefined : this.expect(name, read(node));
  }

  expect<Value>(name: string, value: Value | undefined): Value {
    if (value === undefined) throw new EntityError(this.#key, `${this.#path}${name} has the wrong type`);
    return value;
  }

  inner(name: string, node: JsonNode): Members {
    return new Members(this.#key, `${this.#path}${name}.`, this.expect(name, asObject(node)));
  }
}

const asText = (node: JsonNode): string | undefined => (typeof node === 'string' ? node : undefined);
const asBoolean = (node: JsonNode): boolean | undefined => (typeof node === 'boolean' ? node : undefined);
const asNumber = (node: JsonNode): number | undefined => (node instanceof JsonNumber ? Number(node.text) : undefined);
const asObject = (node: JsonNode): JsonObject | undefined => (node instanceof Map ? node : undefined);
const asList = (node: JsonNode): readonly JsonNode[] | undefined => (Array.isArray(node) ? node : undefined);
const asTexts = (node: JsonNode): readonly string[] | undefined => {
  const texts = asList(node);
  return texts?.every((text) => typeof text === 'string') ? (texts as string[]) : undefined;
};
