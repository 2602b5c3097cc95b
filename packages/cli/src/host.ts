import { withSpan } from '@sluice/mesh';
import type { Command, OptionValues } from 'commander';
import { resolveContext } from './context.js';
import type { ExitCode } from './exit-code.js';
import { exitCodes } from './exit-code.js';
import type { Io } from './io.js';
import type { Report } from './report.js';
import { Session } from './session.js';
import { type Style, styleFor } from './style.js';

/** Options that every command has. */
export interface GlobalOptions {
  readonly project?: string;
  readonly environment?: string;
  readonly context?: string;
  readonly json?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

/** What was typed after the command's name. */
export interface Invocation<O> {
  readonly args: readonly string[];
  readonly options: O & GlobalOptions;
}

/** Runs handlers on behalf of commands, and prints what they report. */
export class Host {
  readonly io: Io;
  readonly #style: Style;
  exitCode: ExitCode = exitCodes.ok;

  constructor(io: Io) {
    this.io = io;
    this.#style = styleFor(io);
  }

  /** An action that talks to the mesh. */
  onMesh<O extends object = object>(
    handler: (session: Session, invocation: Invocation<O>) => Promise<Report>,
  ): (...typed: unknown[]) => Promise<void> {
    return this.local<O>(async (invocation, name) => {
      const context = resolveContext(invocation.options, this.io.env, this.io.cwd);
      const session = new Session(this.io, context, invocation.options.timeout);
      try {
        return await withSpan(name, { isRoot: true }, () => handler(session, invocation));
      } finally {
        session.close();
      }
    });
  }

  /** An action that needs no mesh. */
  local<O extends object = object>(
    handler: (invocation: Invocation<O>, name: string) => Promise<Report>,
  ): (...typed: unknown[]) => Promise<void> {
    return async (...typed) => {
      const command = typed.at(-1) as Command;
      const options = command.optsWithGlobals<OptionValues>() as O & GlobalOptions;
      const report = await handler({ args: command.args, options }, nameOf(command));
      this.#print(report, options.json === true);
    };
  }

  #print(report: Report, isJson: boolean): void {
    const text = report.output ?? (isJson ? JSON.stringify(report.document, null, 2) : report.text(this.#style));
    if (text !== '') this.io.out(`${text}\n`);
    this.exitCode = report.exitCode ?? exitCodes.ok;
  }
}

/** `sluice gate set` */
function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}
