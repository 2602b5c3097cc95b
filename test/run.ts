/**
 * Runs the compiled tests of every room, each room in a process of its own, so that what one leaves
 * behind (a server, a tracer, a timer) can't lean on another. The last line has the sums.
 *
 *   node test/dist/run.js [packages/codec …]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { closingLine, nothing, type RoomResult, sum } from './room-result.js';

process.chdir(fileURLToPath(new URL('../../', import.meta.url)));

/** Every folder with compiled tests, such as `packages/codec` or `test/integration`. */
function roomsWithTests(): string[] {
  const files = globSync([
    '{packages,services}/*/dist/**/*.test.js',
    'test/dist/*.test.js',
    'test/*/dist/**/*.test.js',
  ]);
  return [...new Set(files.map((file) => file.slice(0, file.indexOf('/dist/'))))].sort();
}

const closeWithinMs = 2_000;

/** A room, or every so many-th of its files. */
interface Share {
  readonly room: string;
  readonly part: number;
  readonly parts: number;
}

const titleOf = ({ room, part, parts }: Share): string =>
  parts === 1 ? room : `${room}, part ${part + 1} of ${parts}`;

/** What a share prints is shown when it is done, so that those which run side by side don't talk at once. */
function runShare(share: Share, isAlone: boolean): Promise<RoomResult> {
  const title = titleOf(share);
  const args = [share.room, share.part, share.parts].map(String);
  return new Promise((resolve) => {
    // A room that sends no result has failed as a whole.
    let result: RoomResult = { ...nothing, failed: 1 };
    const child = fork(fileURLToPath(new URL('run-room.js', import.meta.url)), args, { silent: !isAlone });
    const said: Buffer[] = [];
    if (isAlone) console.log(`\n${title}`);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => said.push(chunk));
    child.on('message', (message) => {
      result = message as RoomResult;
    });
    const closed = once(child, 'close');
    child.on('exit', async (code) => {
      // What it started may hold its output open for longer.
      await Promise.race([closed, delay(closeWithinMs)]);
      if (!isAlone) process.stdout.write(`\n${title}\n${Buffer.concat(said)}`);
      const isBroken = code !== 0 && result.failed === 0;
      if (isBroken) console.log(`\n  ${title} ended with code ${code} after its tests.`);
      resolve(isBroken ? { ...result, failed: 1 } : result);
    });
  });
}

/** One share keeps a core busy for about half of its time. */
const lanesMax = 2;
/** This room takes longer than all others together: it starts first, in parts that lanes can share. */
const longRoom = 'test/integration';
const longParts = 4;

const sharesOf = (room: string): Share[] => {
  const parts = room === longRoom ? longParts : 1;
  return Array.from({ length: parts }, (_, part) => ({ room, part, parts }));
};

const asked = process.argv.slice(2).map((room) => room.replace(/\/$/, ''));
const rooms = roomsWithTests().filter(
  (room) => asked.length === 0 || asked.includes(room) || asked.includes(dirname(room)),
);
const results: RoomResult[] = [];
const isLong = ({ parts }: Share): boolean => parts > 1;
const waiting = rooms.flatMap(sharesOf).sort((left, right) => Number(isLong(right)) - Number(isLong(left)));
const lanes = Math.min(lanesMax, availableParallelism(), waiting.length);
const runLane = async (): Promise<void> => {
  for (let share = waiting.shift(); share; share = waiting.shift()) results.push(await runShare(share, lanes === 1));
};
if (lanes > 1) console.log(`${rooms.length} rooms, ${lanes} at a time; each prints when it is done.`);
await Promise.all(Array.from({ length: lanes }, runLane));
const total = sum(results);
if (total.passed + total.failed === 0) console.log(`\nNo test ran. Rooms with tests: ${roomsWithTests().join(', ')}`);
console.log(`\n${closingLine(total)}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
