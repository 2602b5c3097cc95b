import { existsSync, readFileSync } from 'node:fs';
import {
  awaitEnd,
  awaitHealth,
  isAlive,
  launch,
  logPath,
  type ProcessId,
  type ProcessSpec,
  signal,
  stopProcess,
} from '@sluice/stack';
import { tellGuardian } from './guard.js';

type Environment = Readonly<Record<string, string>>;

const startWithinMs = 20_000;
const stopWithinMs = 5_000;

/** A real server or service under test, which can be killed, frozen and brought back on the same address and data. */
export class TestProcess {
  readonly spec: ProcessSpec;
  readonly #logs: string;
  #id: ProcessId | undefined;

  constructor(spec: ProcessSpec, logsFolder: string) {
    this.spec = spec;
    this.#logs = logsFolder;
  }

  get name(): string {
    return this.spec.name;
  }

  /** `host:port`. */
  get address(): string {
    return this.spec.address;
  }

  get isRunning(): boolean {
    return this.#id !== undefined && isAlive(this.#id);
  }

  /** The number of the running process; 0 when there is none. */
  get pid(): number {
    return this.isRunning ? (this.#id?.pid ?? 0) : 0;
  }

  /** What it printed so far, over all its lives. */
  get log(): string {
    const path = logPath(this.#logs, this.name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Starts the process, unless it runs, and waits until it is healthy. `env` is added to its environment for this life. */
  async start(env: Environment = {}): Promise<void> {
    await this.launch(env);
    await this.awaitHealth();
  }

  /** Starts the process, unless it runs, without waiting for its health. */
  async launch(env: Environment = {}): Promise<void> {
    if (this.isRunning) return;
    const spec = { ...this.spec, env: { ...this.spec.env, ...env } };
    const { pid, startTime } = await launch(spec, this.#logs);
    this.#id = { pid, startTime };
    // PostgreSQL gives back its shared memory only when it may stop; SIGQUIT is its quickest way.
    const stopSignal = this.spec.service === 'postgres' ? 'SIGQUIT' : this.spec.stopSignal;
    tellGuardian({ kind: 'child', pid, startTime, stopSignal });
  }

  async awaitHealth(withinMs = startWithinMs): Promise<void> {
    if (this.#id) await awaitHealth(this.spec, this.#id, this.#logs, withinMs);
  }

  /** Ends it at once, as a crash would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#awaitEnd();
  }

  /** Asks it to stop as an operator would. @returns whether it did so by itself in time. */
  async stop(withinMs = stopWithinMs): Promise<boolean> {
    if (!this.#id) return true;
    const isClean = await stopProcess(this.#id, this.spec.stopSignal, withinMs);
    tellGuardian({ kind: 'ended', pid: this.#id.pid });
    return isClean;
  }

  async restart(env: Environment = {}): Promise<void> {
    await this.stop();
    await this.start(env);
  }

  /** Any signal, such as SIGSTOP to freeze it and SIGCONT to let it go on. */
  signal(name: NodeJS.Signals): void {
    if (this.#id) signal(this.#id, name);
  }

  async #awaitEnd(): Promise<void> {
    if (!this.#id) return;
    if (!(await awaitEnd(this.#id, stopWithinMs))) throw new Error(`${this.name} did not end after SIGKILL`);
    tellGuardian({ kind: 'ended', pid: this.#id.pid });
  }
}
