import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatFields } from '../table.js';
import { formatSince, isoTime } from '../words.js';
import { addEventsImport } from './events-import.js';
import { addEventsTail } from './events-tail.js';

export function addEvents(parent: Command, host: Host): void {
  const events = parent
    .command('events')
    .description('count the events of a name, and sum up their values; import events, or watch them come in')
    .argument('<name>', 'name of the event')
    .addHelpText('after', '\nJSON: {name, count, sum, units, firstAt, lastAt}')
    .action(host.onMesh(showEvents));
  addEventsImport(events, host);
  addEventsTail(events, host);
}

async function showEvents(session: Session, { args: [name = ''] }: Invocation<object>): Promise<Report> {
  const answer = await session.ledger.getEvents({ set: session.set, name }, session.call);
  const { count, sum, units } = answer;
  const nowMs = Date.now();
  return {
    document: { name, count, sum, units, firstAt: isoTime(answer.firstAtMs), lastAt: isoTime(answer.lastAtMs) },
    text: (style) => {
      if (count === 0) return `no ${name} events were counted yet`;
      const fields = [
        ['count', String(count)],
        ['sum', String(sum)],
        ['units', String(units)],
        ['first', formatSince(answer.firstAtMs, nowMs)],
        ['last', formatSince(answer.lastAtMs, nowMs)],
      ] as const;
      return `${style.strong(name)}\n${formatFields(fields, style)}`;
    },
  };
}
