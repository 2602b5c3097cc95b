import { AuthoringError, EntityError, UserError } from '@sluice/codec';
import { type ErrorKind, SluiceError } from '@sluice/mesh';
import { CommanderError } from 'commander';

/** What the exit code of every command means. */
export const exitCodes = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  conflict: 5,
  unavailable: 6,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** For `sluice --help`. */
export const exitCodeHelp = `Exit codes:
  0  done
  1  unexpected: a fault of Sluice
  2  bad input or usage: an unknown option, malformed JSON, a rollout of 101
  3  not found: no such gate, project, environment or key
  4  refused: a wrong or missing SDK key, or one that may not do this
  5  conflict: somebody else changed it first, or the system is not in the state that this needs
  6  unavailable: nobody answers, or not before the deadline (--timeout)`;

const ofKind: Readonly<Record<ErrorKind, ExitCode>> = {
  invalid: exitCodes.usage,
  not_found: exitCodes.notFound,
  unauthenticated: exitCodes.refused,
  forbidden: exitCodes.refused,
  already_exists: exitCodes.conflict,
  precondition: exitCodes.conflict,
  conflict: exitCodes.conflict,
  exhausted: exitCodes.unavailable,
  unavailable: exitCodes.unavailable,
  deadline: exitCodes.unavailable,
  cancelled: exitCodes.unavailable,
  unimplemented: exitCodes.unexpected,
  internal: exitCodes.unexpected,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof SluiceError) return ofKind[error.kind];
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof AuthoringError || error instanceof EntityError || error instanceof UserError) {
    return exitCodes.usage;
  }
  return exitCodes.unexpected;
}
