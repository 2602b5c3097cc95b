/** The command line in this process, for tests that run many commands; cli.test.ts starts the real program. */
import { type ExitCode, type Io, processIo, runCli } from '@sluice/cli';
import type { TestMesh } from '@sluice/testkit';

/** What a command printed. */
export interface Ran {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Listens to the process's output, so there is one. */
const world = processIo();

export async function runInProcess(mesh: TestMesh, args: readonly string[]): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []];
  const io: Io = {
    ...world,
    env: { ...process.env, SLUICE_CONTEXT: mesh.contextFile },
    isTerminal: false,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
  };
  const code = await runCli([...args], io);
  return { code, stdout: out.join(''), stderr: err.join('') };
}
