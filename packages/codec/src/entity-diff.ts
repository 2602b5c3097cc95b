import type { Entity, FieldChange } from '@sluice/proto';

/** How much of a difference is told. */
export interface DiffLimits {
  readonly fieldsMax: number;
  /** Characters of each side of a field. */
  readonly textMax: number;
}

export interface EntityDifference {
  readonly fields: FieldChange[];
  /** There are more fields than these. */
  readonly isTruncated: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * What differs between two bodies of one entity, field by field, in the order of the fields;
 * versions are no part of it. Without one side, each field of the other differs.
 */
export function diffEntities(
  before: Entity | undefined,
  after: Entity | undefined,
  limits: DiffLimits,
): EntityDifference {
  const comparison = new Comparison(limits);
  comparison.compare('', fieldsOf(before), fieldsOf(after));
  return comparison;
}

class Comparison implements EntityDifference {
  readonly fields: FieldChange[] = [];
  isTruncated = false;
  readonly #limits: DiffLimits;

  constructor(limits: DiffLimits) {
    this.#limits = limits;
  }

  compare(path: string, left: unknown, right: unknown): void {
    if (this.isTruncated || left === right) return;
    if (isFields(left) && isFields(right)) {
      for (const name of namesOf(left, right))
        this.compare(path === '' ? name : `${path}.${name}`, left[name], right[name]);
    } else if (Array.isArray(left) && Array.isArray(right) && isListOfFields(left, right)) {
      const length = Math.max(left.length, right.length);
      for (let i = 0; i < length; i++) this.compare(`${path}[${i}]`, left[i], right[i]);
    } else this.#report(path, left, right);
  }

  #report(path: string, left: unknown, right: unknown): void {
    if (JSON.stringify(left) === JSON.stringify(right)) return;
    const { fieldsMax, textMax } = this.#limits;
    this.isTruncated = this.fields.length >= fieldsMax;
    if (this.isTruncated) return;
    this.fields.push({ path, before: textOf(path, left, textMax), after: textOf(path, right, textMax) });
  }
}

/** Lists of texts differ as a whole: what moved up by one would otherwise differ in each place. */
function isListOfFields(left: readonly unknown[], right: readonly unknown[]): boolean {
  return isFields(left[0] ?? right[0]);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function namesOf(left: Fields, right: Fields): Set<string> {
  return new Set([...Object.keys(left), ...Object.keys(right)]);
}

const keyLength = 8;

function fieldsOf(entity: Entity | undefined): Fields {
  if (!entity) return {};
  const { description } = entity;
  return { ...(description === undefined ? {} : { description }), ...bodyOf(entity) };
}

function bodyOf({ body }: Entity): Fields {
  if (!body) return {};
  switch (body.$case) {
    case 'idList':
      // A million keys tell nobody anything.
      return { idType: body.value.idType, size: body.value.keys.length / keyLength, keys: body.value.keys };
    case 'settingJson':
    case 'experimentLayer':
      return { [body.$case]: body.value };
    default:
      return body.value as unknown as Fields;
  }
}

function textOf(path: string, value: unknown, textMax: number): string {
  if (value === undefined) return '';
  // What is JSON text already needs no quotes around it.
  const isText = typeof value === 'string' && path.endsWith('Json');
  const text = isText ? value : JSON.stringify(typeof value === 'string' ? value.slice(0, textMax) : value);
  return text.length <= textMax ? text : `${text.slice(0, textMax)}…`;
}
