import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execute } from './execute.js';
import { makeFolderWhole } from './files.js';

/** Signs every suite of the archive; the package `debian-archive-keyring` brings it. */
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const downloadTimeoutMs = 300_000;

/** A package of Debian's main archive, and the suite that has it. */
export interface DebianPackage {
  readonly name: string;
  readonly suite: string;
}

/**
 * The archives that this machine's apt reads, without the security ones, which don't carry
 * every suite. `listing` is one `URI component` per line.
 */
export function archivesIn(listing: string): string[] {
  const archives = listing
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([uri, component]) => uri !== undefined && component === 'main' && !uri.includes('security'))
    .map(([uri = '']) => uri);
  return [...new Set(archives)];
}

/**
 * Downloads a package with the machine's own apt configuration (proxies, mirror, keyring), but
 * with state of its own, so that an ordinary user can, and unpacks it into `folder`. The folder
 * appears whole or not at all; when somebody else was faster theirs stays.
 */
export async function unpackDebianPackage(wanted: DebianPackage, folder: string): Promise<void> {
  await makeFolderWhole(folder, async (unpacked, work) => {
    await execute('dpkg-deb', ['-x', await download(wanted, work), unpacked]);
  });
}

async function download({ name, suite }: DebianPackage, work: string): Promise<string> {
  const listing = await execute('apt-get', ['indextargets', '--format', '$(REPO_URI) $(COMPONENT)']);
  const archives = archivesIn(listing);
  if (archives.length === 0) throw new Error('apt-get indextargets names no archive');
  let failure: unknown;
  for (const archive of archives) {
    try {
      return await downloadFrom(archive, suite, name, work);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function downloadFrom(archive: string, suite: string, name: string, work: string): Promise<string> {
  const options = await writeAptState(work, `deb [signed-by=${keyring}] ${archive} ${suite} main\n`);
  const run = (...command: string[]) =>
    execute('apt-get', [...command, '-q', ...options], { cwd: work, timeout: downloadTimeoutMs });
  await run('update');
  await run('download', name);
  const file = (await readdir(work)).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith('.deb'));
  if (file === undefined) throw new Error(`apt-get download ${name} left no package behind`);
  return join(work, file);
}

async function writeAptState(work: string, source: string): Promise<string[]> {
  const [state, cache, list, none] = ['state', 'cache', 'sources.list', 'none'].map((entry) => join(work, entry));
  await mkdir(`${state}/lists/partial`, { recursive: true });
  await mkdir(`${cache}/archives/partial`, { recursive: true });
  await mkdir(`${none}`, { recursive: true });
  await writeFile(`${list}`, source);
  const settings = {
    'Dir::State': state,
    'Dir::State::status': '/dev/null',
    'Dir::Cache': cache,
    'Dir::Etc::SourceList': list,
    'Dir::Etc::SourceParts': none,
    // Root's apt would switch to a user who can't write here.
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::Retries': '2',
    // An archive that does not answer is an error here; apt would make do with the lists it has, which are none.
    'APT::Update::Error-Mode': 'any',
  };
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}
