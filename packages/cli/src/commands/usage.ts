import type { GetUsageResponse, UniqueUnits } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { parseDay } from '../since.js';
import type { Style } from '../style.js';
import { formatTable } from '../table.js';

interface UsageOptions {
  readonly from?: string;
  readonly to?: string;
  readonly name?: string;
}

export function addUsage(parent: Command, host: Host): void {
  parent
    .command('usage')
    .description('events by day and name, and how many units there were by day and month')
    .option('--from <day>', 'first day (UTC), such as 2026-11-01; 30 days back unless said')
    .option('--to <day>', 'last day (UTC); today unless said')
    .option('--name <event>', 'only this event')
    .addHelpText('after', `\n${jsonHelp}`)
    .action(host.onMesh<UsageOptions>(showUsage));
}

const jsonHelp = `JSON: {days: [{day, name, events, sum, units}], unitsByDay: [{period, units}],
       unitsByMonth: [{period, units}], unitsError}
      units are estimated; unitsError is their standard error, as a part of them.`;

async function showUsage(session: Session, { options }: Invocation<UsageOptions>): Promise<Report> {
  const { from, to, name = '' } = options;
  const usage = await session.ledger.getUsage(
    {
      set: session.set,
      firstDay: from === undefined ? '' : parseDay('--from', from),
      lastDay: to === undefined ? '' : parseDay('--to', to),
      name,
    },
    session.call,
  );
  return {
    document: {
      days: usage.days,
      unitsByDay: usage.unitsByDay,
      unitsByMonth: usage.unitsByMonth,
      unitsError: usage.unitsError,
    },
    text: (style) => textOf(usage, style),
  };
}

const right = (title: string) => ({ title, align: 'right' as const });

function textOf({ days, unitsByDay, unitsByMonth, unitsError }: GetUsageResponse, style: Style): string {
  if (days.length === 0) return 'no events in these days';
  const rows = days.map(({ day, name, events, sum, units }) => [
    day,
    style.strong(name),
    String(events),
    String(sum),
    String(units),
  ]);
  const columns = [{ title: 'DAY' }, { title: 'EVENT' }, right('EVENTS'), right('SUM'), right('UNITS')];
  const note = `units are estimated, with a standard error of ${(unitsError * 100).toFixed(2)} %`;
  return [
    formatTable(columns, rows, style),
    unitsTable('DAY', unitsByDay, style),
    unitsTable('MONTH', unitsByMonth, style),
    style.faint(note),
  ].join('\n\n');
}

function unitsTable(title: string, periods: readonly UniqueUnits[], style: Style): string {
  return formatTable(
    [{ title }, right('UNITS, ALL EVENTS')],
    periods.map(({ period, units }) => [period, String(units)]),
    style,
  );
}
