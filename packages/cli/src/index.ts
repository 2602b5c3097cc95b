/** The `sluice` command. */
export { type ExitCode, exitCodes } from './exit-code.js';
export { type Io, processIo } from './io.js';
export { runCli } from './run.js';
