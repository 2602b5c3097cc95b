import type { Context } from './context.js';
import type { Reason } from './decision.js';
import type { CompiledProgram } from './program.js';
import type { User } from './user.js';

let calls = 0;

/** No call has this stamp. */
export const noStamp = -1;

/** The inputs of a question about a user. */
export class Call {
  readonly program: CompiledProgram;
  readonly user: User;
  readonly context: Context;
  /** Marks what is remembered about this user; unique per call. */
  readonly stamp: number;
  /** Set where the answer has a reason of its own. */
  overrideReason: Reason | undefined = undefined;

  constructor(program: CompiledProgram, user: User, context: Context) {
    this.program = program;
    this.user = user;
    this.context = context;
    this.stamp = ++calls;
  }
}
