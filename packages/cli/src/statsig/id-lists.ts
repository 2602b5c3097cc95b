import { DenseIdList, type IdList } from '@sluice/engine';
import { invalid } from '@sluice/mesh';
import type { Io } from '../io.js';
import { readLines } from './lines.js';

/**
 * The id lists of a folder: one file a list, named by the list, with lines `+xxxxxxxx` and
 * `-xxxxxxxx`. A name that can't be a file's is percent-encoded; an extension may follow it.
 * Names that lead to no file are warned of and left out.
 * @throws SluiceError `invalid` when the others can't be read.
 */
export async function readIdLists(
  io: Pick<Io, 'list' | 'stream' | 'err'>,
  folder: string,
): Promise<Map<string, IdList>> {
  const lists = new Map<string, IdList>();
  for (const file of filesOf(io, folder)) {
    const list = await readIdList(io, `${folder}/${file}`);
    if (list === undefined) continue;
    // The file's very name is the best claim to a list, and what was cut off it the worst.
    lists.set(file, list);
    for (const name of [decoded(file), decoded(file.replace(/\.[^.]*$/, ''))])
      if (!lists.has(name)) lists.set(name, list);
  }
  return lists;
}

function filesOf(io: Pick<Io, 'list'>, folder: string): string[] {
  try {
    // Longer names last: `staff` must not lose its list to `staff.txt`.
    return io.list(folder).sort((left, right) => left.length - right.length);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw invalid('--id-lists', `${folder} can't be read (${code}); name a folder with one file for each list`);
  }
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** A link that leads nowhere, in a circle, or to a folder. */
const noFile: ReadonlySet<string> = new Set(['ENOENT', 'ELOOP', 'EISDIR']);

async function readIdList(io: Pick<Io, 'stream' | 'err'>, path: string): Promise<IdList | undefined> {
  const list = new DenseIdList();
  try {
    for await (const { bytes } of readLines(io.stream(path))) list.applyLines(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code);
    if (!noFile.has(code)) throw invalid('--id-lists', `${path} can't be read (${code})`);
    io.err(`warning: --id-lists: ${path} leads to no file (${code}); it is left out\n`);
    return undefined;
  }
  return list;
}
