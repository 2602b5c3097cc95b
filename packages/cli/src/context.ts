import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { invalid } from '@sluice/mesh';
import { z } from 'zod';

/** Which mesh a command talks to, as whom, and about which set. */
export interface MeshContext {
  readonly name: string;
  /** Consul's HTTP address, `host:port`. */
  readonly consul: string;
  readonly region: string;
  readonly key: string;
  readonly project: string | undefined;
  readonly environment: string | undefined;
  /** The context file that was used, if any. */
  readonly file: string | undefined;
}

/** What the command line says of the context. */
export interface ContextFlags {
  readonly context?: string | undefined;
  readonly project?: string | undefined;
  readonly environment?: string | undefined;
}

const fileSchema = z.object({
  name: z.string().optional(),
  consul: z.string().optional(),
  region: z.string().optional(),
  keyFile: z.string().optional(),
  project: z.string().optional(),
  environment: z.string().optional(),
});

type ContextFile = z.output<typeof fileSchema> & { readonly path?: string };

/**
 * Flags win over the environment, and that over the context file (`.sluice/context.json` in this
 * folder or one above).
 * @throws SluiceError `invalid` that says what is missing and how to give it.
 */
export function resolveContext(flags: ContextFlags, env: Readonly<NodeJS.ProcessEnv>, cwd: string): MeshContext {
  const file = readContextFile(flags.context ?? given(env.SLUICE_CONTEXT), cwd);
  const consul = given(env.SLUICE_CONSUL) ?? file.consul;
  if (consul === undefined) {
    throw invalid('context', 'no mesh is known here; run `make up`, or set SLUICE_CONSUL and SLUICE_KEY_FILE');
  }
  if (!/^[^\s/:]+:\d{1,5}$/.test(consul)) {
    throw invalid('SLUICE_CONSUL', `must be host:port, such as 127.0.0.1:8500, got ${JSON.stringify(consul)}`);
  }
  return {
    name: file.name ?? 'environment',
    consul,
    region: given(env.SLUICE_REGION) ?? file.region ?? 'local',
    key: readKey(env, file, cwd),
    project: flags.project ?? given(env.SLUICE_PROJECT) ?? file.project,
    environment: flags.environment ?? given(env.SLUICE_ENVIRONMENT) ?? file.environment,
    file: file.path,
  };
}

/** An empty variable counts as absent. */
function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function readContextFile(asked: string | undefined, cwd: string): ContextFile {
  const path = asked === undefined ? findContextFile(cwd) : resolve(cwd, asked);
  if (path === undefined) return {};
  const result = fileSchema.safeParse(parseJson(path));
  if (result.success) return { ...result.data, path };
  const issue = result.error.issues[0];
  throw invalid('context', `${path}: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
}

function parseJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid('context', `${path} can't be read (${(error as NodeJS.ErrnoException).code}); name another file`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid('context', `${path} is not JSON: ${(error as Error).message}`);
  }
}

function findContextFile(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const path = join(folder, '.sluice', 'context.json');
    if (existsSync(path)) return path;
    if (dirname(folder) === folder) return undefined;
  }
}

function readKey(env: Readonly<NodeJS.ProcessEnv>, file: ContextFile, cwd: string): string {
  const key = given(env.SLUICE_KEY);
  if (key !== undefined) return checkKey('SLUICE_KEY', key);
  const fromEnv = given(env.SLUICE_KEY_FILE);
  if (fromEnv !== undefined) return checkKey('SLUICE_KEY_FILE', readSecret('SLUICE_KEY_FILE', resolve(cwd, fromEnv)));
  if (file.keyFile !== undefined && file.path !== undefined) {
    return checkKey('keyFile', readSecret('keyFile', resolve(dirname(file.path), file.keyFile)));
  }
  throw invalid('key', 'there is no SDK key; set SLUICE_KEY_FILE (or SLUICE_KEY), or name keyFile in the context file');
}

function readSecret(field: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw invalid(field, `${path} can't be read (${(error as NodeJS.ErrnoException).code}); it must hold an SDK key`);
  }
}

/** Keys travel as a header, which can't carry everything. */
function checkKey(field: string, key: string): string {
  if (/^[\x21-\x7e]{1,256}$/.test(key)) return key;
  throw invalid(field, 'is not an SDK key: it must be one line of at most 256 printable characters');
}
