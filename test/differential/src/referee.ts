/** The parent's side of the reference implementation. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answers, Names } from './answers.js';
import type { ClientOptionsData } from './client-options.js';
import type { Json } from './document.js';
import type { Request, Response } from './referee-child.js';
import type { UserData } from './users.js';

/** The longest that an answer takes; on some documents the reference runs in circles. */
const answerTimeoutMs = 20_000;

/** The reference ended its process, or had to be ended, instead of answering. */
export class RefereeCrash extends Error {
  override readonly name = 'RefereeCrash';
}

/** Everything around a document that answers depend on. */
export interface Surroundings {
  readonly lists: Readonly<Record<string, string>>;
  readonly environment: string | null;
  readonly globalCustomFields: Record<string, string>;
  readonly overrides: readonly OverrideData[];
  /** Client responses to ask for. */
  readonly clients: readonly ClientOptionsData[];
  /** Look at what asking logs as well. */
  readonly isExposing: boolean;
}

/** An answer forced in both evaluators. */
export interface OverrideData {
  readonly kind: 'gate' | 'config' | 'experiment' | 'group' | 'layer';
  readonly name: string;
  readonly id: string | null;
  /** The answer; for `group` the group's name. */
  readonly value: boolean | string | Readonly<Record<string, Json>>;
}

export class Referee {
  #child: ChildProcess | undefined;

  /** Loads a document; false when the reference refuses it. */
  async load(document: string, surroundings: Surroundings): Promise<boolean> {
    const response = await this.#call({ kind: 'load', document, ...surroundings });
    return 'loaded' in response && response.loaded;
  }

  async ask(names: Names, users: readonly UserData[]): Promise<readonly Answers[]> {
    const response = await this.#call({ kind: 'ask', names, users });
    return 'answers' in response ? response.answers : [];
  }

  close(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill();
    this.#child = undefined;
  }

  #call(request: Request): Promise<Response> {
    const child = this.#child ?? this.#start();
    this.#child = child;
    return new Promise((resolve, reject) => {
      child.removeAllListeners();
      const timer = setTimeout(() => child.kill('SIGKILL'), answerTimeoutMs);
      child.once('message', (message) => {
        clearTimeout(timer);
        const response = message as Response;
        if ('failure' in response) reject(new Error(response.failure));
        else resolve(response);
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        this.#child = undefined;
        reject(new RefereeCrash(`the reference ended with ${signal ?? code}`));
      });
      child.send(request);
    });
  }

  #start(): ChildProcess {
    // A proxy that refuses everything: nothing may leave this machine.
    const refusing = 'http://127.0.0.1:9';
    const env = { ...process.env, HTTPS_PROXY: refusing, https_proxy: refusing, HTTP_PROXY: '', NO_PROXY: '127.0.0.1' };
    return fork(fileURLToPath(new URL('./referee-child.js', import.meta.url)), {
      env,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
  }
}
