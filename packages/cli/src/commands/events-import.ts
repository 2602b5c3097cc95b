import { basename } from 'node:path';
import { invalid } from '@sluice/mesh';
import type { Command } from 'commander';
import { durationFor } from '../duration.js';
import { EventImport, type LineProblem, type Standing } from '../event-import.js';
import { exitCodes } from '../exit-code.js';
import type { Host, Invocation } from '../host.js';
import { readCheckpoint, writeCheckpoint } from '../import-checkpoint.js';
import { linesOf } from '../lines.js';
import { progressLine } from '../progress-bar.js';
import type { Report } from '../report.js';
import { sendEvents, tellEnd } from '../send-events.js';
import type { Session } from '../session.js';
import { count } from '../words.js';

interface ImportOptions {
  readonly as?: string;
  readonly restart?: boolean;
  readonly patience: number;
}

const lineBytesMax = 1024 * 1024;
/** Problems that are printed; all are counted. */
const problemsMax = 20;
const saveEveryMs = 1_000;
const drawEveryMs = 100;

export function addEventsImport(parent: Command, host: Host): void {
  parent
    .command('import')
    .description('import events of the past from a file with one JSON object on each line; goes on where it stopped')
    .argument('<file>', 'NDJSON, or - for standard input')
    .option('--as <name>', "what the ids of lines are derived from; the file's name unless said")
    .option('--restart', 'send all lines again; those that were counted are not counted twice')
    .option(
      '--patience <time>',
      'how long to try while nobody takes events, such as 30s',
      durationFor('--patience'),
      60_000,
    )
    .addHelpText('after', `\n${help}`)
    .action(host.onMesh<ImportOptions>(importEvents));
}

const help = `A line: {"name":"purchase","time":"2026-11-23T10:00:00Z","user":{"userID":"ada"},"value":9.5,
         "metadata":{"cart":"c-1"},"id":"a UUID"}; name, time and user are needed. Without an id a
         line gets one that follows from the file's name, its number and its text: the same line is
         the same event however often it is imported. FILE.imported says how far an import came.
         A line that is no event (over 1 MiB, no UTF-8, no JSON) is named, and the rest goes on.
JSON: {file, lines, accepted, duplicate, rejected, resumedAfter, sourceId, problems: [{line, reason}]}
      sourceId names the import in \`sluice books --source\`.`;

async function importEvents(session: Session, { args: [path = ''], options }: Invocation<ImportOptions>) {
  const file = options.as ?? nameOf(path);
  const { project, environment } = session.requireSet();
  const identity = { set: `${project}/${environment}`, file };
  const canResume = path !== '-';
  const from = canResume && !options.restart ? await readCheckpoint(session.io, path, identity) : undefined;
  const problems: LineProblem[] = [];
  const view = new View(session, path);
  const save = (standing: Standing): void => {
    const { bytes: _, ...checkpoint } = standing;
    if (canResume) writeCheckpoint(session.io, path, { ...identity, ...checkpoint });
  };
  let savedAtMs = Number.NEGATIVE_INFINITY;
  let latest: Standing | undefined;
  const work = new EventImport({
    file,
    from,
    send: (batch) => sendEvents(session, batch, options.patience),
    onStanding: (standing) => {
      latest = standing;
      view.draw(standing);
      if (performance.now() - savedAtMs < saveEveryMs) return;
      savedAtMs = performance.now();
      save(standing);
    },
    onProblem: (problem) => void (problems.length < problemsMax && problems.push(problem)),
  });
  const standing = await work.run(linesOf(open(session, path), lineBytesMax)).finally(() => {
    view.clear();
    if (latest) save(latest);
  });
  await tellEnd(session, work.close());
  return reportOf(path, standing, from?.lines ?? 0, problems);
}

function nameOf(path: string): string {
  if (path !== '-') return basename(path);
  throw invalid('--as', 'is missing; standard input has no name that ids could be derived from');
}

async function* open(session: Session, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* session.io.stream(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw invalid('file', `${path} can't be read (${code}); name a file, or - for standard input`);
  }
}

/** The progress bar, where somebody looks at it. */
class View {
  readonly #session: Session;
  readonly #total: number;
  readonly #startedMs = performance.now();
  #drawnAtMs = 0;

  constructor(session: Session, path: string) {
    this.#session = session;
    this.#total = session.io.size?.(path) ?? 0;
  }

  draw({ bytes, accepted, duplicate, rejected }: Standing): void {
    const nowMs = performance.now();
    if (!this.#session.io.isTerminal || nowMs - this.#drawnAtMs < drawEveryMs) return;
    this.#drawnAtMs = nowMs;
    const elapsedMs = nowMs - this.#startedMs;
    const words = count(accepted + duplicate + rejected, 'event');
    this.#session.io.err(`\r\u001b[K${progressLine({ done: bytes, total: this.#total, words, elapsedMs })}`);
  }

  clear(): void {
    if (this.#session.io.isTerminal) this.#session.io.err('\r\u001b[K');
  }
}

function reportOf(path: string, standing: Standing, resumedAfter: number, problems: readonly LineProblem[]): Report {
  const { lines, accepted, duplicate, rejected, sourceId } = standing;
  return {
    document: { file: path, lines, accepted, duplicate, rejected, resumedAfter, sourceId, problems },
    exitCode: rejected > 0 ? exitCodes.usage : exitCodes.ok,
    text: (style) => {
      const resumed = resumedAfter > 0 ? `, of which ${resumedAfter} were done before` : '';
      const bad = problems.map(({ line, reason }) => style.warn(`  line ${line}: ${reason}`));
      const more = rejected > problems.length ? [style.faint(`  … and ${rejected - problems.length} more`)] : [];
      const summary = `${count(lines, 'line')}${resumed}: ${accepted} accepted, ${duplicate} known already, ${rejected} rejected`;
      return [`${style.strong(path)}  ${summary}`, ...bad, ...more].join('\n');
    },
  };
}
