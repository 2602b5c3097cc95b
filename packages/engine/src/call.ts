import type { Context } from './context.js';
import type { Reason } from './decision.js';
import type { CompiledProgram } from './program.js';
import type { User } from './user.js';

/**
 * Tells calls apart. An object, since comparing two costs less than comparing numbers that can count
 * every call of a process; and not the call itself, so that nobody keeps its user alive.
 */
export class Stamp {}

/** No call has this stamp. */
export const noStamp = new Stamp();

/** The inputs of a question about a user. */
export class Call {
  readonly program: CompiledProgram;
  readonly user: User;
  readonly context: Context;
  /** Marks what is remembered about this user; unique per call. */
  readonly stamp = new Stamp();
  /** Set where the answer has a reason of its own. */
  overrideReason: Reason | undefined = undefined;

  constructor(program: CompiledProgram, user: User, context: Context) {
    this.program = program;
    this.user = user;
    this.context = context;
  }
}
