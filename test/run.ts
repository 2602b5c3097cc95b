/**
 * Runs the compiled tests of every room, each room in a process of its own, so that what one leaves
 * behind (a server, a tracer, a timer) can't lean on another. The last line has the sums.
 *
 *   node test/dist/run.js [packages/codec …]
 */
import { fork } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname } from 'node:path';
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

/** A room that sends no result has failed as a whole. */
function runRoom(room: string): Promise<RoomResult> {
  return new Promise((resolve) => {
    let result: RoomResult = { ...nothing, failed: 1 };
    console.log(`\n${room}`);
    const child = fork(fileURLToPath(new URL('run-room.js', import.meta.url)), [room]);
    child.on('message', (message) => {
      result = message as RoomResult;
    });
    child.on('exit', (code) => {
      const isBroken = code !== 0 && result.failed === 0;
      if (isBroken) console.log(`\n  ${room} ended with code ${code} after its tests.`);
      resolve(isBroken ? { ...result, failed: 1 } : result);
    });
  });
}

const asked = process.argv.slice(2).map((room) => room.replace(/\/$/, ''));
const rooms = roomsWithTests().filter(
  (room) => asked.length === 0 || asked.includes(room) || asked.includes(dirname(room)),
);
const results: RoomResult[] = [];
for (const room of rooms) results.push(await runRoom(room));
const total = sum(results);
if (total.passed + total.failed === 0) console.log(`\nNo test ran. Rooms with tests: ${roomsWithTests().join(', ')}`);
console.log(`\n${closingLine(total)}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
