import { readdir, readFile } from 'node:fs/promises';

/** One step of a schema, never changed once it was released. */
export interface Migration {
  /** From 1, without gaps. */
  readonly number: number;
  /** The file's name without its ending, such as `000001_entities`. */
  readonly name: string;
  readonly sql: string;
  /** Marked by a line `-- breaking`: code that does not know it can't work with the result. */
  readonly isBreaking: boolean;
}

/**
 * Reads the numbered files of a folder, in order.
 * @throws Error naming the file that is missing, doubled or misnamed.
 */
export async function readMigrations(directory: URL): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql') && file !== 'schema.sql').sort();
  return Promise.all(
    files.map(async (file, i) => {
      const sql = await readFile(new URL(file, folderUrl(directory)), 'utf8');
      return { number: numberOf(file, i + 1), name: file.slice(0, -'.sql'.length), sql, isBreaking: isBreaking(sql) };
    }),
  );
}

const folderUrl = (directory: URL): URL => (directory.href.endsWith('/') ? directory : new URL(`${directory.href}/`));

function numberOf(file: string, expected: number): number {
  const number = Number(/^(\d{6})_[a-z0-9_]+\.sql$/.exec(file)?.[1]);
  if (Number.isNaN(number)) throw new Error(`${file} is not named like 000001_what_it_does.sql.`);
  if (number !== expected) {
    throw new Error(`${file} follows number ${expected - 1}: migrations count up without gaps or doubles.`);
  }
  return number;
}

/** Only a line of its own counts, so that prose about breaking changes marks nothing. */
function isBreaking(sql: string): boolean {
  return /^-- breaking\s*$/m.test(sql);
}
