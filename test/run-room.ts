/** Runs the tests of one room, or a part of its files, with mocha and tells the parent process what came of them. */
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import Mocha from 'mocha';
import type { RoomResult } from './room-result.js';

const endWithinMs = 10_000;

const [room = '', part = '0', parts = '1'] = process.argv.slice(2);
const options = JSON.parse(readFileSync('.mocharc.json', 'utf8')) as { timeout: number; forbidOnly: boolean };
const mocha = new Mocha({ timeout: options.timeout, forbidOnly: options.forbidOnly, reporter: 'spec' });
const files = globSync(`${room}/dist/**/*.test.js`).sort();
for (const [at, file] of files.entries()) if (at % Number(parts) === Number(part)) mocha.addFile(resolve(file));
await mocha.loadFilesAsync();

const runner = mocha.run((failures) => {
  const { passes = 0, pending = 0 } = runner.stats ?? {};
  const result: RoomResult = { passed: passes, failed: failures, skipped: pending };
  process.exitCode = failures > 0 ? 1 : 0;
  process.send?.(result, () => process.disconnect?.());
  setTimeout(() => {
    console.log(
      `\n  Still held ${endWithinMs / 1000} s after the tests: ${process.getActiveResourcesInfo().join(', ')}`,
    );
    process.exit(1);
  }, endWithinMs).unref();
});
