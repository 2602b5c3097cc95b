import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withLock } from './lock.js';
import { stackFolders } from './paths.js';
import { postgresDataFolder } from './plan.js';
import type { Print } from './print.js';
import { readSettings, writeSettings } from './settings.js';
import { stopAll } from './stop-all.js';

/** Stops everything in reverse order of starting and keeps the data. @returns the exit code. */
export function down(print: Print): Promise<number> {
  const folders = stackFolders();
  return withLock(folders.root, async () => {
    const isStopped = await stopAll(folders, print);
    print(isStopped ? 'Sluice is down. Its data stays; make up goes on from there.' : 'Nothing is running.');
    return 0;
  });
}

/** Stops everything and deletes the data, keys and logs. The choice of ports stays. @returns the exit code. */
export function reset(print: Print): Promise<number> {
  const folders = stackFolders();
  return withLock(folders.root, async () => {
    await stopAll(folders, print);
    const settings = readSettings(folders.root);
    if (settings) {
      await rm(dirname(postgresDataFolder(folders, settings)), { recursive: true, force: true });
      await writeSettings(folders.root, { ...settings, isExampleLoaded: false });
    }
    const files = [folders.data, folders.etc, folders.logs, folders.secrets, `${folders.root}/context.json`];
    await Promise.all(files.map((path) => rm(path, { recursive: true, force: true })));
    print('Sluice is down and its data, keys and logs are deleted. A DATABASE_URL of your own is left alone.');
    return 0;
  });
}
