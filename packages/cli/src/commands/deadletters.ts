import { invalid } from '@sluice/mesh';
import { type DeadLetter, Event, EventBatch } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host, Invocation } from '../host.js';
import { parseCountInput } from '../json-input.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { formatFields, formatTable } from '../table.js';
import { count, formatSince, isoTime, shorten } from '../words.js';

interface ListOptions {
  readonly after?: string;
  readonly limit?: string;
}

const letterJson = '{id, subject, eventId, reason, bytes, buriedAt}';

export function addDeadLetters(parent: Command, host: Host): void {
  const group = parent.command('deadletters').description('what could not be counted, and what shall become of it');
  group
    .command('list')
    .description('list them, oldest first')
    .option('--after <id>', 'only those with a higher number')
    .option('--limit <count>', 'at most so many, up to 1000', '100')
    .addHelpText('after', `\nJSON: {letters: [${letterJson}]}`)
    .action(host.onMesh<ListOptions>(listLetters));
  group
    .command('show')
    .description('show one, with what is in it')
    .argument('<id>', 'its number')
    .addHelpText('after', `\nJSON: {${letterJson.slice(1, -1)}, set, events, payload}\n      payload is base64`)
    .action(host.onMesh(showLetter));
  for (const [deed, description] of Object.entries(deeds)) {
    group
      .command(deed)
      .description(description)
      .argument('<id...>', 'their numbers')
      .addHelpText('after', '\nJSON: {deed, ids}')
      .action(host.onMesh((session, { args }) => act(session, deed as keyof typeof deeds, args)));
  }
}

const deeds = {
  retry: 'send letters through the log again, for instance once the writer has been mended',
  drop: 'forget letters: their events are never counted',
} as const;

async function listLetters(session: Session, { options }: Invocation<ListOptions>): Promise<Report> {
  const afterId = options.after === undefined ? 0 : idOf('--after', options.after);
  const limit = parseCountInput('--limit', options.limit ?? '100', 1, 1_000);
  const { letters } = await session.ledger.listDeadLetters({ afterId, limit }, session.call);
  const nowMs = Date.now();
  return {
    document: { letters: letters.map(documentOf) },
    text: (style) => {
      if (letters.length === 0) return 'no dead letters';
      const rows = letters.map((letter) => [
        style.strong(String(letter.id)),
        formatSince(letter.buriedAtMs, nowMs),
        letter.subject,
        letter.eventId,
        String(letter.bytes),
        shorten(letter.reason.replaceAll(/\s+/g, ' '), 80),
      ]);
      const titles = ['ID', 'BURIED', 'SUBJECT', 'EVENT', 'BYTES', 'REASON'];
      const columns = titles.map((title) => (title === 'BYTES' ? { title, align: 'right' as const } : { title }));
      const isMore = letters.length === limit ? `; go on with --after ${letters.at(-1)?.id}` : '';
      return `${formatTable(columns, rows, style)}\n\n${style.faint(`${count(letters.length, 'letter')}${isMore}`)}`;
    },
  };
}

async function showLetter(session: Session, { args: [text = ''] }: Invocation<object>): Promise<Report> {
  const id = idOf('id', text);
  const { letter, payload } = await session.ledger.getDeadLetter({ id }, session.call);
  if (!letter) throw new Error('the ledger answered without a letter');
  const batch = readBatch(payload);
  const inside = batch?.events.map((event) => Event.toJSON(event)) ?? [];
  return {
    document: {
      ...documentOf(letter),
      set: batch?.set ?? null,
      events: inside,
      payload: Buffer.from(payload).toString('base64'),
    },
    text: (style) => {
      const fields = [
        ['subject', letter.subject],
        ['event', letter.eventId === '' ? style.faint('none: the message could not be read') : letter.eventId],
        ['buried', isoTime(letter.buriedAtMs) ?? ''],
        ['bytes', String(letter.bytes)],
        ['reason', letter.reason],
      ] as const;
      const what = inside.map((event) => JSON.stringify(event, null, 2)).join('\n');
      return `${style.strong(`dead letter ${id}`)}\n${formatFields(fields, style)}${what && `\n\n${what}`}`;
    },
  };
}

async function act(session: Session, deed: keyof typeof deeds, args: readonly string[]): Promise<Report> {
  const ids = args.map((text) => idOf('id', text));
  for (const id of ids) {
    if (deed === 'retry') await session.ledger.retryDeadLetter({ id }, session.call);
    else await session.ledger.dropDeadLetter({ id }, session.call);
  }
  const done = deed === 'retry' ? 'went through the log again' : 'forgotten';
  return { document: { deed, ids }, text: () => `${count(ids.length, 'letter')} ${done}` };
}

/** Undefined for what is no batch, which may be why it was buried. */
function readBatch(payload: Uint8Array): EventBatch | undefined {
  try {
    const batch = EventBatch.decode(payload);
    return batch.events.length > 0 ? batch : undefined;
  } catch {
    return undefined;
  }
}

function documentOf({ id, subject, eventId, reason, bytes, buriedAtMs }: DeadLetter): Record<string, unknown> {
  return { id, subject, eventId: eventId === '' ? null : eventId, reason, bytes, buriedAt: isoTime(buriedAtMs) };
}

function idOf(field: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalid(
    field,
    `must be the number of a dead letter, got ${JSON.stringify(text)}; list them to see which there are`,
  );
}
