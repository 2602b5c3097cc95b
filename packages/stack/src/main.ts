/** `node packages/stack/dist/main.js up|provide|down|status|logs|reset|traces`: what the Makefile calls. */
import { StartFailure } from './launch.js';
import { printLine } from './print.js';
import { StackProblem } from './problem.js';

const { env } = process;

/** Loaded one by one: `make status` should not wait for what `make up` needs. */
const verbs: Readonly<Record<string, () => Promise<number>>> = {
  up: async () => (await import('./up.js')).up(printLine, env),
  traces: async () => (await import('./up.js')).up(printLine, { ...env, TRACES: '1' }),
  provide: async () => (await import('./provide.js')).provide(printLine),
  down: async () => (await import('./down.js')).down(printLine),
  reset: async () => (await import('./down.js')).reset(printLine),
  status: async () => (await import('./status.js')).status(printLine),
  logs: async () =>
    (await import('./logs.js')).logs({ name: env.S || undefined, isFollowed: Boolean(env.FOLLOW) }, printLine),
};

// `make up | head` closes the pipe early; the stack goes on starting.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const [verb = ''] = process.argv.slice(2);
const act = verbs[verb];
if (!act) throw new Error(`Say what to do: ${Object.keys(verbs).join(', ')}.`);
try {
  process.exitCode = await act();
} catch (error) {
  const isForPeople = error instanceof StackProblem || error instanceof StartFailure;
  process.stderr.write(`\n${isForPeople ? error.message : ((error as Error).stack ?? String(error))}\n`);
  process.exitCode = 1;
}
