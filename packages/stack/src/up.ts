import { chooseSettings, readWishes } from './choose-settings.js';
import { contextPath, writeContext } from './context-file.js';
import { developmentKeys, loadExample } from './example.js';
import { withLock } from './lock.js';
import { type Folders, stackFolders } from './paths.js';
import { planStack, type StackPlan } from './plan.js';
import { requireFree } from './port-plan.js';
import { formatSeconds, formatStep, type Print, quiet, strong } from './print.js';
import { isAlive } from './proc.js';
import { findKept, reconcile } from './reconcile.js';
import { planRegions } from './regions.js';
import { isSupervised, type RunState, readRun } from './run-file.js';
import { readSettings, type StackSettings, writeSettings } from './settings.js';
import { examine, healthTable } from './status.js';
import { startSupervisor, stopSupervisor } from './supervision.js';
import { tracesName } from './traces-process.js';
import { wantedPorts } from './wanted-ports.js';

/**
 * Brings the whole stack up, detached, and prints how to go on. What is up already stays as it is.
 * @returns the exit code.
 * @throws StackProblem, StartFailure: what a person has to know and do.
 */
export function up(print: Print, env: NodeJS.ProcessEnv = process.env, folders = stackFolders()): Promise<number> {
  const wishes = readWishes(env);
  return withLock(folders.root, async () => {
    const before = Date.now();
    const run = readRun(folders.root);
    if (!readSettings(folders.root)) print('First start: server programs that this machine lacks are fetched now.');
    const settings = await chooseSettings(folders.root, wishes, run);
    // Checked before anything is written: a block that can't be had is not remembered.
    if (!run.processes.some(({ id }) => isAlive(id))) await requireFree(wantedPorts(settings));
    await writeSettings(folders.root, settings);
    const plan = await planStack(folders, settings, env);
    const isUp = isSupervised(run) && findKept(plan, run).length === plan.layers.flat().length;
    const state = isUp ? run : await start(plan, folders, print);
    await prepareData(plan, settings, folders, print);
    if (isUp) print('Sluice is up already.');
    else print(`Sluice is up, after ${formatSeconds(Date.now() - before)}.`);
    return summarise(state, folders, print);
  });
}

async function start(plan: StackPlan, folders: Folders, print: Print): Promise<RunState> {
  print(`Starting Sluice on ports ${plan.ports.consulHttp} and up. Logs are in ${folders.logs}`);
  await stopSupervisor(readRun(folders.root));
  try {
    return await startSupervisor(folders, await reconcile(plan, readRun(folders.root), folders, print));
  } catch (error) {
    // What did start stays, and is looked after, so that it can be looked into.
    const rest = readRun(folders.root);
    if (rest.processes.length > 0) await startSupervisor(folders, { ...rest, supervisor: undefined });
    throw error;
  }
}

async function prepareData(plan: StackPlan, settings: StackSettings, folders: Folders, print: Print): Promise<void> {
  const [home] = planRegions(settings.regions);
  await writeContext(folders, settings.basePort, home?.name ?? '', `${home?.host}:${plan.ports.consulHttp}`);
  if (settings.isExampleLoaded) return;
  const before = Date.now();
  await loadExample(folders);
  await writeSettings(folders.root, { ...settings, isExampleLoaded: true });
  print(formatStep('example', 'loaded', Date.now() - before));
}

async function summarise(state: RunState, folders: Folders, print: Print): Promise<number> {
  const healths = await examine(state);
  print('');
  for (const line of healthTable(healths)) print(line);
  const traces = state.processes.find(({ spec }) => spec.name === tracesName);
  if (traces) {
    print('');
    print(`Traces are at http://${traces.spec.address} (switch off: make up TRACES=0)`);
  }
  print('');
  print(quiet('SDK keys for storefront/development'));
  for (const { keyClass, secret } of developmentKeys(folders)) print(`${keyClass.padEnd(8)}${secret}`);
  print('');
  print(quiet(`Next (in this folder; elsewhere: export SLUICE_CONTEXT=${contextPath(folders)})`));
  for (const command of nextCommands) print(strong(command));
  return healths.every(({ problem }) => problem === undefined) ? 0 : 1;
}

const nextCommands = [
  'npx sluice gates',
  `npx sluice check express-checkout --user '{"userID":"a-user"}'`,
  'npx sluice gate set express-checkout --rollout 25 --wait',
  'npx sluice mesh',
  'make status   make logs   make down',
];
