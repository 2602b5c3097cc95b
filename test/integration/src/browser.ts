/** A real browser, where this machine has one. */
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** The program in CHROMIUM, or the first one on PATH; undefined when there is none. */
export async function findChromium(): Promise<string | undefined> {
  const { CHROMIUM, PATH = '' } = process.env;
  const candidates = [
    ...(CHROMIUM ? [CHROMIUM] : []),
    ...PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name))),
  ];
  for (const path of candidates) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

export function openBrowser(executablePath: string): Promise<Browser> {
  // As root it has no sandbox, and in small containers no shared memory.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}
