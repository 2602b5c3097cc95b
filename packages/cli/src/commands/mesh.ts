import { type GetMeshResponse, HealthState, healthStateToJSON, type InstanceHealth, type Lag } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import type { Style } from '../style.js';
import { type Column, formatTable } from '../table.js';
import { count, enumWord, formatAge, isoTime } from '../words.js';

export function addMesh(parent: Command, host: Host): void {
  parent
    .command('mesh')
    .description('every instance: health, revision held, lag')
    .addHelpText('after', `\n${jsonHelp}`)
    .action(host.onMesh(showMesh));
}

const jsonHelp = `JSON: {observedAt, newest: [{project, environment, revision}],
       instances: [{region, service, instance, address, state, cause, since, version, startedAt,
       load, sets: [{project, environment, revision, behind, lateMs, ageMs}], counters}]}
      state is SERVING, NOT_SERVING, UNREACHABLE or UNKNOWN. load: the share of the last second
      that the instance's thread was busy, 0 to 1, or null. behind: revisions that the instance
      has not got; lateMs: for how long the newest one has been missing there; ageMs: since its
      revision was last known to be the newest. Of an instance that does not answer, sets is what
      it held last.`;

async function showMesh(session: Session): Promise<Report> {
  const mesh = await session.health.getMesh({}, session.call);
  return {
    document: {
      observedAt: isoTime(mesh.observedAtMs),
      newest: mesh.newest.map(({ set, revision }) => ({ ...set, revision })),
      instances: mesh.instances.map(documentOf),
    },
    text: (style) => textOf(mesh, session, style),
  };
}

function documentOf(instance: InstanceHealth): Record<string, unknown> {
  const { region, service, instance: id, address, self } = instance;
  return {
    region,
    service,
    instance: id,
    address,
    state: stateWord(instance),
    cause: instance.cause === '' ? null : instance.cause,
    since: isoTime(instance.sinceMs),
    version: self?.version ?? null,
    startedAt: isoTime(self?.startedAtMs ?? 0),
    load: instance.load ?? null,
    sets: heldBy(instance).map(({ set, revision, ageMs }) => {
      const lag = lagOf(instance, set);
      const { behind = null, lateMs = null } = lag ?? {};
      return { ...set, revision, behind, lateMs, ageMs: lag?.ageMs ?? ageMs };
    }),
    counters: self?.counters ?? {},
  };
}

function stateWord({ state }: InstanceHealth): string {
  return enumWord('HEALTH_STATE', healthStateToJSON(state));
}

type Set = { readonly project: string; readonly environment: string } | undefined;

interface Held {
  readonly set?: Set;
  readonly revision: number;
  readonly ageMs: number;
}

/** What it says that it holds, or what it held when it last said so. */
function heldBy({ self, lags }: InstanceHealth): Held[] {
  return self?.sets ?? lags.map(({ set, revision, ageMs = 0 }) => ({ set, revision, ageMs }));
}

/** Absent where config does not say what is newest. */
function lagOf({ lags }: InstanceHealth, set: Set): Lag | undefined {
  return lags.find((one) => one.set?.project === set?.project && one.set?.environment === set?.environment);
}

const columns: readonly Column[] = [
  { title: 'SERVICE' },
  { title: 'INSTANCE' },
  { title: 'REGION' },
  { title: 'ADDRESS' },
  { title: 'HEALTH' },
  { title: 'SINCE', align: 'right' },
  { title: 'REVISION', align: 'right' },
  { title: 'LAG', align: 'right' },
  { title: 'AGE', align: 'right' },
  { title: 'LOAD', align: 'right' },
  { title: 'CAUSE' },
];

function textOf({ instances, newest, observedAtMs }: GetMeshResponse, session: Session, style: Style): string {
  const { project = '', environment = '' } = session.context;
  const set = { project, environment };
  const rows = instances.map((instance) => [
    instance.service,
    style.strong(instance.instance),
    instance.region,
    instance.address,
    stateText(instance, style),
    instance.sinceMs === 0 ? '' : formatAge(Math.max(observedAtMs - instance.sinceMs, 0)),
    revisionText(instance, set),
    lagText(instance, style),
    ageText(instance),
    loadText(instance, style),
    instance.cause,
  ]);
  const serving = instances.filter(({ state }) => state === HealthState.SERVING).length;
  const top = newest.find((held) => held.set?.project === project && held.set.environment === environment);
  const where = top ? ` · ${project}/${environment} is at revision ${top.revision}` : '';
  const summary = `${count(instances.length, 'instance')}, ${serving} serving${where}`;
  return `${formatTable(columns, rows, style)}\n\n${style.faint(summary)}`;
}

function stateText(instance: InstanceHealth, style: Style): string {
  const word = stateWord(instance).toLowerCase().replace('_', ' ');
  if (instance.state === HealthState.SERVING) return style.good(word);
  return instance.state === HealthState.UNKNOWN ? style.warn(word) : style.bad(word);
}

function revisionText(instance: InstanceHealth, { project, environment }: NonNullable<Set>): string {
  const sets = heldBy(instance);
  const own = sets.find(({ set }) => set?.project === project && set.environment === environment);
  if (own) return String(own.revision);
  return sets.length === 0 ? '' : count(sets.length, 'set');
}

/** The largest lag over all sets held, and for how long that has been so. */
function lagText({ lags }: InstanceHealth, style: Style): string {
  if (lags.length === 0) return '';
  const behind = Math.max(...lags.map((lag) => lag.behind));
  if (behind === 0) return '0';
  const lateMs = Math.max(...lags.map((lag) => lag.lateMs ?? 0));
  return style.warn(`${behind} (${formatAge(lateMs)})`);
}

/** Of the set that was confirmed the longest ago. */
function ageText({ lags }: InstanceHealth): string {
  return lags.length === 0 ? '' : formatAge(Math.max(...lags.map(({ ageMs = 0 }) => ageMs)));
}

/** From here on calls have to wait for the thread more and more. */
const busyLoad = 0.8;

function loadText({ load }: InstanceHealth, style: Style): string {
  if (load === undefined) return '';
  const text = `${Math.round(load * 100)} %`;
  return load >= busyLoad ? style.warn(text) : text;
}
