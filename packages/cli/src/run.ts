import { startTelemetry, stopTelemetry } from '@sluice/mesh';
import { CommanderError } from 'commander';
import { type ExitCode, exitCodeOf, exitCodes } from './exit-code.js';
import { failureLines } from './failure.js';
import type { Io } from './io.js';
import { createProgram } from './program.js';

/** Runs one command line to its end. @returns the exit code; nothing is thrown. */
export async function runCli(argv: readonly string[], io: Io): Promise<ExitCode> {
  const { program, host } = createProgram(io);
  if (argv.length === 0) {
    program.outputHelp();
    return exitCodes.ok;
  }
  try {
    await startTelemetry(process.env);
    await program.parseAsync(argv, { from: 'user' });
    return host.exitCode;
  } catch (error) {
    return report(error, io);
  } finally {
    await stopTelemetry();
  }
}

function report(error: unknown, io: Io): ExitCode {
  // Commander has said what was wrong with the command line, with a suggestion where it has one.
  if (!(error instanceof CommanderError)) {
    for (const line of failureLines(error, io.env.SLUICE_DEBUG === '1')) io.err(`${line}\n`);
  }
  return exitCodeOf(error);
}
