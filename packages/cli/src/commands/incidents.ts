import type { Incident } from '@sluice/proto';
import { type Command, Option } from 'commander';
import type { Host } from '../host.js';
import { wholeNumber } from '../numbers.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import type { Style } from '../style.js';
import { formatTable } from '../table.js';
import { formatAge, formatSince, isoTime } from '../words.js';

interface Options {
  readonly open?: boolean;
  readonly region?: string;
  readonly limit: number;
}

export function addIncidents(parent: Command, host: Host): void {
  parent
    .command('incidents')
    .description('what went wrong in the mesh, newest first: what, where, since when, why')
    .option('--open', 'only what goes on')
    .option('--region <name>', 'only this region')
    .addOption(new Option('--limit <count>', 'at most this many').default(20).argParser(wholeNumber(1, 1_000)))
    .addHelpText('after', `\n${jsonHelp}`)
    .action(host.onMesh<Options>((session, { options }) => showIncidents(session, options)));
}

const jsonHelp = `JSON: {incidents: [{id, kind, subject, region, cause, startedAt, endedAt, note}]}
      endedAt is null while it goes on; note says why nobody can tell whether it does.`;

async function showIncidents(session: Session, { open = false, region = '', limit }: Options): Promise<Report> {
  const { incidents } = await session.health.getIncidents({ isOpenOnly: open, region, limit }, session.call);
  const nowMs = Date.now();
  return {
    document: {
      incidents: incidents.map(({ startedAtMs, endedAtMs, ...rest }) => ({
        ...rest,
        startedAt: isoTime(startedAtMs),
        endedAt: isoTime(endedAtMs ?? 0),
      })),
    },
    text: (style) => (incidents.length === 0 ? style.good('no incidents') : tableOf(incidents, nowMs, style)),
  };
}

function tableOf(incidents: readonly Incident[], nowMs: number, style: Style): string {
  const rows = incidents.map(({ kind, subject, region, cause, startedAtMs, endedAtMs, note }) => [
    kind,
    style.strong(subject),
    region,
    formatSince(startedAtMs, nowMs),
    endedAtMs === undefined ? style.bad('goes on') : formatAge(endedAtMs - startedAtMs),
    note === '' ? cause : `${cause} (nobody can tell whether it goes on: ${note})`,
  ]);
  const titles = ['KIND', 'WHAT', 'REGION', 'BEGAN', 'LASTED', 'CAUSE'].map((title) => ({ title }));
  return formatTable(titles, rows, style);
}
