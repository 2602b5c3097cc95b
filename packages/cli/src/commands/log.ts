import { invalid } from '@sluice/mesh';
import { durabilityToJSON, type Event, Outcome, outcomeToJSON } from '@sluice/proto';
import type { Command } from 'commander';
import { v7 as newEventId } from 'uuid';
import type { Host, Invocation } from '../host.js';
import { parseObjectInput } from '../json-input.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { readUser } from '../user-input.js';
import { enumWord } from '../words.js';

interface LogOptions {
  readonly user?: string;
  readonly value?: string;
  readonly metadata?: string;
  readonly id?: string;
}

export function addLog(parent: Command, host: Host): void {
  parent
    .command('log')
    .description('log an event that a user did')
    .argument('<event>', 'its name')
    .option('-u, --user <json>', 'the user: JSON, @file.json, or - for standard input')
    .option('--value <value>', 'an amount, or a label')
    .option('--metadata <json>', 'a JSON object with anything else')
    .option('--id <uuid>', 'id of the event, to send it again without counting it twice')
    .addHelpText('after', '\nJSON: {id, name, outcome, durability}')
    .action(host.onMesh<LogOptions>(logEvent));
}

async function logEvent(session: Session, { args: [name = ''], options }: Invocation<LogOptions>): Promise<Report> {
  const event = await readEvent(session, name, options);
  const { outcomes, durability } = await session.ingestion.logEvents(
    { set: session.set, events: [event], sentAtMs: Date.now() },
    session.call,
  );
  const outcome = outcomes[0];
  if (outcome?.outcome === Outcome.REJECTED) throw invalid('event', outcome.reason);
  const word = enumWord('OUTCOME', outcomeToJSON(outcome?.outcome ?? Outcome.UNSPECIFIED));
  const durable = enumWord('DURABILITY', durabilityToJSON(durability));
  return {
    document: { id: event.id, name, outcome: word, durability: durable },
    text: (style) =>
      `${style.strong(name)}  ${word.toLowerCase()}${durable && ` (${durable.toLowerCase()})`} · ${event.id}`,
  };
}

async function readEvent(session: Session, name: string, options: LogOptions): Promise<Event> {
  const { value, metadata } = options;
  if (metadata !== undefined) parseObjectInput('--metadata', metadata, '{"cart":"a-cart"}');
  return {
    id: options.id ?? newEventId(),
    timeMs: Date.now(),
    name,
    user: await readUser(session.io, options.user),
    value: value === undefined ? undefined : eventValue(value),
    metadataJson: metadata ?? '',
    exposure: undefined,
    traceparent: '',
  };
}

/** What looks like a number is one. */
function eventValue(text: string): NonNullable<Event['value']> {
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
  if (!isNumber) return { $case: 'stringValue', value: text };
  const value = Number(text);
  if (!Number.isFinite(value)) throw invalid('--value', `${text} is too large for a number`);
  return { $case: 'numberValue', value };
}
