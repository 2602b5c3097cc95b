/** The process that outlives `make up` and brings back what dies. Argument: the stack's folder. */
import { foldersIn } from './paths.js';
import { identify } from './proc.js';
import { readRun, writeRun } from './run-file.js';
import { supervise } from './supervise.js';

const [root] = process.argv.slice(2);
if (root === undefined) throw new Error('The supervisor needs the folder of its stack as an argument.');

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
process.on('SIGINT', () => stop.abort());
process.on('SIGHUP', () => undefined);

const state = { ...readRun(root), supervisor: identify(process.pid) };
await writeRun(root, state);
await supervise(state, {
  root,
  logsFolder: foldersIn(root).logs,
  signal: stop.signal,
  say: (sentence) => process.stdout.write(`${new Date().toISOString()} ${sentence}\n`),
});
