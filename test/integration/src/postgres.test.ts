import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { invalid, silentLogger } from '@sluice/mesh';
import {
  type Database,
  dumpSchema,
  isRetryable,
  isUniqueViolation,
  migrate,
  openDatabase,
  SchemaMismatchError,
  type Statement,
} from '@sluice/postgres';
import { eventually, temporaryFolder, withDatabase, withServers } from '@sluice/testkit';

const open = (url: string, options: { poolMax?: number; statementTimeoutMs?: number } = {}): Promise<Database> =>
  openDatabase({ url, applicationName: 'test', logger: silentLogger, ...options });

async function using<T>(url: string, use: (database: Database) => Promise<T>, poolMax = 4): Promise<T> {
  const database = await open(url, { poolMax });
  try {
    return await use(database);
  } finally {
    await database.close();
  }
}

const withOpen = <T>(use: (database: Database, url: string) => Promise<T>): Promise<T> =>
  withDatabase((url) => using(url, (database) => use(database, url)));

const sql = (name: string, text: string): Statement => ({ name, text });
const insertNumber = sql('insert_number', 'insert into numbers (n) values ($1)');
const selectNumbers = sql('select_numbers', 'select n from numbers order by n');
const makeNumbers = 'create table numbers (n bigint primary key, bytes bytea)';

const numbersIn = async (database: Database): Promise<bigint[]> =>
  (await database.query<{ n: bigint }>(selectNumbers)).map(({ n }) => n);

const script = (database: Database, text: string): Promise<void> => database.transaction((tx) => tx.script(text));

describe('statements', () => {
  it('take rows in bulk as arrays, and give large numbers and bytes back exactly', () =>
    withOpen(async (database) => {
      await script(database, makeNumbers);
      const insert = sql('bulk', 'insert into numbers (n, bytes) select * from unnest($1::bigint[], $2::bytea[])');
      const large = 2n ** 62n + 1n;
      await database.query(insert, [
        [1n, large],
        [Buffer.from([0, 255, 92]), null],
      ]);
      const select = sql('bulk_back', 'select n, bytes from numbers order by n');
      const rows = await database.query<{ n: bigint; bytes: Buffer | null }>(select);
      assert.deepEqual(rows, [
        { n: 1n, bytes: Buffer.from([0, 255, 92]) },
        { n: large, bytes: null },
      ]);
    }));

  it('end at their time-out, and the next one works', () =>
    withDatabase(async (url) => {
      const database = await open(url, { poolMax: 1, statementTimeoutMs: 200 });
      try {
        await assert.rejects(database.query(sql('slow', 'select pg_sleep(20)')), { kind: 'unavailable' });
        assert(await database.isReady());
      } finally {
        await database.close();
      }
    }));

  it('are refused as unavailable while there is no database', async () => {
    await using('postgres://nobody@127.0.0.1:1/none', async (database) => {
      assert.equal(await database.isReady(), false);
      await assert.rejects(database.query(selectNumbers), { kind: 'unavailable' });
    });
  });
});

describe('a transaction', () => {
  it('leaves nothing behind when its work fails, and lets the error through', () =>
    withOpen(async (database) => {
      await script(database, makeNumbers);
      const failing = database.transaction(async (tx) => {
        await tx.query(insertNumber, [1]);
        throw invalid('n', 'is not liked');
      });
      await assert.rejects(failing, { kind: 'invalid', field: 'n' });
      assert.deepEqual(await numbersIn(database), []);
    }));

  it('says when a row was there, and when it lost against another and may be tried again', () =>
    withOpen(async (database) => {
      await script(database, makeNumbers);
      await database.query(insertNumber, [1]);
      await assert.rejects(database.query(insertNumber, [1]), isUniqueViolation);
      const update = sql('bump', 'update numbers set n = n + 10');
      const isolate = 'set transaction isolation level repeatable read';
      const losing = database.transaction(async (tx) => {
        await tx.script(isolate);
        await tx.query(selectNumbers);
        await database.query(update);
        await tx.query(update);
      });
      await assert.rejects(losing, isRetryable);
      assert.deepEqual(await numbersIn(database), [11n]);
    }));
});

describe('notifications', () => {
  it('reach each listener of their channel, also of one that was added later, until it is released', () =>
    withOpen(async (database) => {
      const heard: string[] = [];
      const listen = (channel: string, name: string) =>
        database.listen(channel, (payload) => heard.push(`${name}:${payload}`));
      await listen('first', 'a');
      await eventually(() => assert.deepEqual(heard, ['a:']));
      const release = await listen('First; --', 'b');
      await listen('first', 'c');
      await eventually(() => assert.deepEqual(heard.toSorted(), ['a:', 'b:', 'c:']));
      await script(database, `notify first, '1'; notify "First; --", '2'`);
      await eventually(() => assert.deepEqual(heard.slice(3).toSorted(), ['a:1', 'b:2', 'c:1']));
      await release();
      await script(database, `notify "First; --", '3'; notify first, '4'`);
      await eventually(() => assert.deepEqual(heard.slice(6).toSorted(), ['a:4', 'c:4']));
    }));
});

describe('a database that is killed and comes back', () => {
  it('interrupts what runs and heals by itself; listeners look again', () =>
    withServers({ postgres: true }, async ({ adminUrl, postgres }) => {
      await using(adminUrl, async (database) => {
        const heard: string[] = [];
        await database.listen('news', (payload) => heard.push(payload));
        await eventually(() => assert.deepEqual(heard, ['']));
        await script(database, `${makeNumbers}; notify news, 'first'`);
        await eventually(() => assert.deepEqual(heard, ['', 'first']));

        const interrupted = database.transaction(async (tx) => {
          await tx.query(insertNumber, [1]);
          await postgres?.kill();
          await tx.query(insertNumber, [2]);
        });
        await assert.rejects(interrupted, { kind: 'unavailable' });
        assert.equal(await database.isReady(), false);

        await postgres?.start();
        await eventually(() => database.isReady());
        assert.deepEqual(await numbersIn(database), []);
        await eventually(() => assert.deepEqual(heard, ['', 'first', '']));
        await script(database, `notify news, 'second'`);
        await eventually(() => assert.equal(heard.at(-1), 'second'));
      });
    })).timeout(60_000);
});

const first = 'create table shop.item (id bigint primary key);';
const second = "alter table shop.item add name text not null default '';";

async function withMigrations<T>(
  files: Readonly<Record<string, string>>,
  use: (folder: URL) => Promise<T>,
): Promise<T> {
  const { path, remove } = await temporaryFolder();
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    return await use(pathToFileURL(path));
  } finally {
    await remove();
  }
}

const run = (database: Database, directory: URL): Promise<void> => migrate(database, { schema: 'shop', directory });

interface AppliedRow {
  readonly name: string;
  readonly is_breaking: boolean;
}

const appliedIn = (database: Database): Promise<AppliedRow[]> =>
  database.query(sql('applied', 'select name, is_breaking from shop.migration order by number'));

describe('migrations', () => {
  it('run once, in order, however many processes start together', () =>
    withMigrations({ '000001_item.sql': first, '000002_name.sql': second }, (folder) =>
      withOpen(async (database) => {
        await Promise.all(Array.from({ length: 4 }, () => run(database, folder)));
        await run(database, folder);
        const names = (await appliedIn(database)).map(({ name }) => name);
        assert.deepEqual(names, ['000001_item', '000002_name']);
      }),
    ));

  it('that fail leave everything as it was, and can be mended and run again', () =>
    withMigrations({ '000001_item.sql': first, '000002_name.sql': `${second} select no_such_function();` }, (folder) =>
      withOpen(async (database) => {
        await assert.rejects(run(database, folder), /no_such_function/);
        assert.deepEqual((await appliedIn(database)).length, 1);
        await writeFile(new URL(`${folder.href}/000002_name.sql`), second);
        await run(database, folder);
        assert.deepEqual((await appliedIn(database)).length, 2);
      }),
    ));

  const ahead: [string, string, boolean][] = [
    ['keep older code out when they are breaking', `-- breaking\n${second}`, true],
    ['let older code restart when they are not', second, false],
  ];
  for (const [what, newer, isRefused] of ahead) {
    it(what, () =>
      withMigrations({ '000001_item.sql': first }, (older) =>
        withMigrations({ '000002_name.sql': newer }, (newest) =>
          withOpen(async (database) => {
            await cp(older, newest, { recursive: true });
            await run(database, newest);
            if (!isRefused) return run(database, older);
            await assert.rejects(run(database, older), (error: Error) => {
              assert(error instanceof SchemaMismatchError);
              assert.match(error.message, /ahead of this code: schema shop has 000002_name/);
              return true;
            });
          }),
        ),
      ),
    );
  }

  it('are dumped the same whichever way the schema got there', () =>
    withMigrations({ '000001_item.sql': first, '000002_name.sql': second }, async (folder) => {
      const dumps = await Promise.all(
        [1, 2].map(() =>
          withOpen(async (database, url) => {
            await run(database, folder);
            return dumpSchema(url, 'shop');
          }),
        ),
      );
      assert.equal(dumps[0], dumps[1]);
      assert.match(
        dumps[0] ?? '',
        /create table shop\.item \(\n {2}id bigint not null,\n {2}name text not null default ''::text,/,
      );
    }));
});
