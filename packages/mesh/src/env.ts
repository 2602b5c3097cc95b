import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The environment can't be used. The message has one sentence per problem. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

/**
 * Reads typed settings from environment variables, all problems at once.
 * An empty variable counts as absent.
 * @throws ConfigError with a sentence for each variable that is missing or wrong.
 */
export function readEnv<S extends z.ZodRawShape>(
  shape: S,
  env: NodeJS.ProcessEnv = process.env,
): Readonly<z.output<z.ZodObject<S>>> {
  const given: Record<string, string> = {};
  for (const name of Object.keys(shape)) {
    const value = env[name];
    if (value !== undefined && value !== '') given[name] = value;
  }
  const result = z.object(shape).safeParse(given);
  if (result.success) return Object.freeze(result.data);
  throw new ConfigError(result.error.issues.map((issue) => sentenceFor(issue, given)));
}

function sentenceFor(issue: z.core.$ZodIssue, given: Record<string, string>): string {
  const name = String(issue.path[0] ?? 'environment');
  if (given[name] === undefined) return `${name} is not set.`;
  return `${name} is ${JSON.stringify(given[name])}: ${issue.message}.`;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`; port 0 lets the system choose. */
export const address = () =>
  z.string().transform((text, context): HostPort => {
    const match = /^(.+):(\d{1,5})$/.exec(text);
    const port = Number(match?.[2]);
    if (match?.[1] && port <= 65_535) return { host: match[1], port };
    context.addIssue({
      code: 'custom',
      message: 'it must be host:port, such as 127.0.0.1:7400',
    });
    return z.NEVER;
  });

/** Path of a file whose first line is the secret. */
export const secretFile = () =>
  z.string().transform((path, context): string => {
    try {
      const secret = readFileSync(path, 'utf8').trim();
      if (secret !== '') return secret;
      context.addIssue({
        code: 'custom',
        message: 'the file is empty; it must hold a secret',
      });
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: `the file can't be read (${(error as Error).message})`,
      });
    }
    return z.NEVER;
  });

/** A whole number with bounds, for counts and durations. */
export const integer = (min: number, max: number) =>
  z.coerce
    .number('it must be a number')
    .int('it must be a whole number')
    .min(min, `it must be at least ${min}`)
    .max(max, `it must be at most ${max}`);
