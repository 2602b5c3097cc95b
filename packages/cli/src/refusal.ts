import { entityKey } from '@sluice/codec';
import { type ErrorKind, SluiceError } from '@sluice/mesh';
import type { EntityRef } from '@sluice/proto';

/** How the command line says what a request says. */
export interface Wording {
  /** Fields of the request, without indices, such as `writes[].expected_version`, to what was typed. */
  readonly fields: Readonly<Record<string, string>>;
  /** What it is about, where it is about one thing. */
  readonly ref?: EntityRef;
  /** The same as people spell it, such as `experiment/button`. */
  readonly key?: string;
  /** What to do, by what went wrong; said behind the first problem. */
  readonly remedies?: Readonly<Partial<Record<ErrorKind, string>>>;
}

/** Waits for an answer; a refusal is told in the words of the command line, one line for each problem. */
export async function inWords<T>(wording: Wording, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof SluiceError ? reworded(error, wording) : error;
  }
}

/** The same refusal; one that names no field stays as it is. */
export function reworded(error: SluiceError, { fields, ref, key, remedies = {} }: Wording): SluiceError {
  const spell = (text: string): string => (ref && key !== undefined ? text.replaceAll(entityKey(ref), key) : text);
  const remedy = remedies[error.kind];
  const problems = error.problems.map(({ field, message }, at) => ({
    field: fields[field.replace(/\[\d+\]/g, '[]')] ?? spell(field),
    message: `${spell(message)}${at === 0 && remedy ? `; ${remedy}` : ''}`,
  }));
  if (problems.length === 0) return error;
  const text = problems.map(({ field, message }) => `${field}: ${message}`).join('\n');
  const { retryAfterMs } = error;
  return new SluiceError(error.kind, text, {
    problems,
    cause: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

const flags: Readonly<Record<string, string>> = {
  ...{ expected_version: '--expected-version', 'writes[].expected_version': '--expected-version' },
  ...{ 'header.expected_version': '--expected-version', id_type: '--id-type', 'header.id_type': '--id-type' },
  ...{ unit_ids: 'ids', 'unit_ids[]': 'ids', 'chunk.unit_ids': 'ids', 'chunk.unit_ids[]': 'ids' },
  ...{ value: 'answer', 'value.json': 'answer', 'value.group_name': 'answer' },
};

/** For a command about one thing. `noun`: what the argument that names it is called. */
export function wordingOf(key: string, ref: EntityRef, noun: 'name' | 'key'): Wording {
  const show = `sluice ${key.replace('/', ' show ')}`;
  return {
    ref,
    key,
    fields: { ...flags, ref: noun, name: noun, 'ref.name': noun, 'header.name': noun },
    remedies: { conflict: `look at it with \`${show}\`, then repeat` },
  };
}

/** For a command about a whole set. */
export const wordingOfSet: Wording = {
  fields: { ...flags, expected_revision: '--expected-revision' },
  remedies: { conflict: 'look at `sluice history`, then repeat' },
};
