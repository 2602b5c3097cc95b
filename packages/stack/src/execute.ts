import { type ExecFileOptions, execFile } from 'node:child_process';

const outputBytesMax = 16 * 1024 * 1024;

/**
 * Runs a program to its end.
 * @returns what it printed on standard output and standard error, one after the other.
 * @throws Error with the last lines that it printed.
 */
export function execute(
  command: string,
  args: readonly string[],
  options: ExecFileOptions = {},
  input?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: outputBytesMax, ...options }, (error, stdout, stderr) => {
      const output = `${String(stdout)}${String(stderr)}`;
      if (!error) return resolve(output);
      const said = output.trim().split('\n').slice(-8).join('\n');
      reject(new Error(`${command} ${args[0] ?? ''} failed: ${said || error.message}`));
    });
    if (input !== undefined) child.stdin?.end(input);
  });
}
