import { Event, type TailEventsResponse, type TailedEvent } from '@sluice/proto';
import type { Command } from 'commander';
import { durationFor } from '../duration.js';
import type { Host, Invocation } from '../host.js';
import { parseCountInput } from '../json-input.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { type Style, styleFor } from '../style.js';
import { isoTime, shorten } from '../words.js';

interface TailOptions {
  readonly name?: string;
  readonly unit?: string;
  readonly count?: string;
  /** Milliseconds. */
  readonly for?: number;
}

export function addEventsTail(parent: Command, host: Host): void {
  parent
    .command('tail')
    .description('show events as they come in, until Ctrl-C')
    .option('--name <event>', 'only this event')
    .option('--unit <id>', 'only of the unit with this id')
    .option('--count <count>', 'end after so many')
    .option('--for <time>', 'end after this time, such as 10s', durationFor('--for'))
    .addHelpText('after', `\n${jsonHelp}`)
    .action(host.onMesh<TailOptions>(tailEvents));
}

const jsonHelp = `JSON: {receivedAt, project, environment, region, instance, event} or {skipped}, each on a line of its own
      skipped: events that were left out, as this reader was too slow.`;

async function tailEvents(session: Session, { options }: Invocation<TailOptions>): Promise<Report> {
  const { name = '', unit: unitId = '' } = options;
  const countMax = options.count === undefined ? Number.POSITIVE_INFINITY : countOf(options.count);
  const end = new AbortController();
  const timer = options.for === undefined ? undefined : setTimeout(() => end.abort(), options.for);
  const style = styleFor(session.io);
  const lines = options.json ? jsonLines : (part: TailEventsResponse) => textLines(part, style);
  let seen = 0;
  try {
    const request = { set: session.set, name, unitId };
    for await (const part of session.ledger.tailEvents(request, { signal: end.signal })) {
      const events = part.events.slice(0, countMax - seen);
      seen += events.length;
      for (const line of lines({ ...part, events })) session.io.out(`${line}\n`);
      if (seen >= countMax) break;
    }
  } catch (error) {
    if (!end.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    end.abort();
  }
  return { document: {}, text: () => '', output: '' };
}

const countOf = (text: string): number => parseCountInput('--count', text, 1, 1_000_000_000);

function jsonLines({ events, skipped }: TailEventsResponse): string[] {
  const lines = events.map(({ set, event, receivedAtMs, instance, region }) =>
    JSON.stringify({
      receivedAt: isoTime(receivedAtMs),
      project: set?.project ?? null,
      environment: set?.environment ?? null,
      region,
      instance,
      event: event ? Event.toJSON(event) : null,
    }),
  );
  return skipped > 0 ? [...lines, JSON.stringify({ skipped })] : lines;
}

function textLines({ events, skipped }: TailEventsResponse, style: Style): string[] {
  const lines = events.map((event) => lineOf(event, style));
  return skipped > 0 ? [...lines, style.warn(`… ${skipped} events left out: this reader is too slow`)] : lines;
}

/** `10:04:05.123  purchase  ada  9.5  {"cart":"c-1"}` */
function lineOf({ event, receivedAtMs, set }: TailedEvent, style: Style): string {
  const time = (isoTime(receivedAtMs) ?? '').slice(11, 23);
  if (!event) return style.faint(time);
  const { exposure, user, value, metadataJson } = event;
  const unit = exposure?.unitId || user?.userId || Object.values(user?.customIds ?? {})[0] || '';
  const what = exposure
    ? `${exposure.key} ${exposure.groupName || (exposure.gateValue ? 'on' : exposure.ruleId)}`
    : [value?.value ?? '', shorten(metadataJson, 80)].filter((part) => part !== '').join('  ');
  const where = style.faint(`${set?.project ?? ''}/${set?.environment ?? ''}`);
  return [style.faint(time), style.strong(event.name), unit, what, where].filter((part) => part !== '').join('  ');
}
