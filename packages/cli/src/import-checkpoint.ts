/** How far an import has come, beside the imported file, so that a repeat goes on where it stopped. */
import { invalid } from '@sluice/mesh';
import { z } from 'zod';
import type { Io } from './io.js';

const schema = z.object({
  /** The set that the lines went to, `project/environment`. */
  set: z.string(),
  /** Name that ids were derived from. */
  file: z.string(),
  /** Lines that were answered for, all from the first. */
  lines: z.number().int().nonnegative(),
  /** SHA-256 of them. */
  digest: z.string(),
  accepted: z.number().int().nonnegative(),
  duplicate: z.number().int().nonnegative(),
  rejected: z.number().int().nonnegative(),
  /** The source of the events in the books, with how many have numbers. */
  sourceId: z.uuid(),
  sequenced: z.number().int().nonnegative(),
  unfit: z.number().int().nonnegative(),
  reasons: z.record(z.string(), z.number().int().nonnegative()),
});

export type Checkpoint = z.output<typeof schema>;

/** What is larger is none of ours. */
const bytesMax = 1 << 20;

export const checkpointPath = (file: string): string => `${file}.imported`;

/**
 * @returns undefined when there is none, or one that was cut short: then all lines go out again, which their ids make harmless.
 * @throws SluiceError `invalid` for one of another import.
 */
export async function readCheckpoint(
  io: Io,
  path: string,
  { set, file }: Pick<Checkpoint, 'set' | 'file'>,
): Promise<Checkpoint | undefined> {
  const text = await io.read(checkpointPath(path), bytesMax).then(
    (bytes) => bytes.toString('utf8'),
    () => undefined,
  );
  if (text === undefined) return undefined;
  const found = schema.safeParse(jsonOf(text));
  if (!found.success) return undefined;
  if (found.data.set === set && found.data.file === file) return found.data;
  throw invalid(
    checkpointPath(path),
    `is of an import of ${found.data.file} into ${found.data.set}; give --restart to import into ${set}`,
  );
}

export function writeCheckpoint(io: Io, path: string, checkpoint: Checkpoint): void {
  io.write(checkpointPath(path), `${JSON.stringify(checkpoint)}\n`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
