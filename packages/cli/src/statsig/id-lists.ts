import { DenseIdList, type IdList } from '@sluice/engine';
import { invalid } from '@sluice/mesh';
import type { Io } from '../io.js';
import { readLines } from './lines.js';

/**
 * The id lists of a folder: one file a list, named by the list, with lines `+xxxxxxxx` and
 * `-xxxxxxxx`. A name that can't be a file's is percent-encoded; an extension may follow it.
 * @throws SluiceError `invalid` when they can't be read.
 */
export async function readIdLists(io: Pick<Io, 'list' | 'stream'>, folder: string): Promise<Map<string, IdList>> {
  const lists = new Map<string, IdList>();
  for (const file of filesOf(io, folder)) {
    const list = await readIdList(io, `${folder}/${file}`);
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

async function readIdList(io: Pick<Io, 'stream'>, path: string): Promise<IdList> {
  const list = new DenseIdList();
  try {
    for await (const { bytes } of readLines(io.stream(path))) list.applyLines(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw invalid('--id-lists', `${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return list;
}
