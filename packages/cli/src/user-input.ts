import { userFromJson } from '@sluice/codec';
import { invalid } from '@sluice/mesh';
import type { User } from '@sluice/proto';
import type { Io } from './io.js';
import { parseObjectInput } from './json-input.js';

const example = '{"userID":"a-user"}';

/** `--user`: JSON text, `@file.json`, or `-` for standard input. */
export async function readUser(io: Io, given: string | undefined): Promise<User> {
  if (given === undefined) throw invalid('--user', `is missing; say for whom, such as --user '${example}'`);
  const text = await textOf(io, given);
  return userFromJson(parseObjectInput('--user', text, example));
}

async function textOf(io: Io, given: string): Promise<string> {
  if (given === '-') return readInput(io, '--user', '-');
  return given.startsWith('@') ? readInput(io, '--user', given.slice(1)) : given;
}

/** As much as config takes in one message. */
const inputBytesMax = 64 * 1024 * 1024;

/** A file, or standard input for `-`. @throws SluiceError `invalid` naming the file. */
export async function readInput(io: Io, field: string, path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await io.read(path, inputBytesMax);
  } catch (error) {
    throw invalid(
      field,
      `${path} can't be read (${(error as NodeJS.ErrnoException).code}); name a file, or - for standard input`,
    );
  }
  if (bytes.length > inputBytesMax) throw invalid(field, `${path} has more than ${inputBytesMax} bytes; split it`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(field, `${path} is not UTF-8 text`);
  }
}
