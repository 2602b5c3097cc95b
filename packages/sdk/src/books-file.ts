/** The books of a client beside what it spooled, so that whoever delivers that can close them. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SourceReport } from '@sluice/proto';

const fileName = 'books.json';

/** Replaces the file at once. Not synced: the books of a machine that lost power may be a little old. */
export async function writeBooks(folder: string, report: SourceReport): Promise<void> {
  const path = join(folder, fileName);
  await writeFile(`${path}.new`, JSON.stringify(SourceReport.toJSON(report)));
  await rename(`${path}.new`, path);
}

/** Empty books where there are none that can be read. */
export async function readBooks(folder: string): Promise<SourceReport> {
  try {
    return SourceReport.fromJSON(JSON.parse(await readFile(join(folder, fileName), 'utf8')));
  } catch {
    return SourceReport.fromPartial({});
  }
}
