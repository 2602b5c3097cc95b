/**
 * A process of its own that outlives a test run by a moment: it is told of every child and every
 * temporary folder, and cleans up when its standard input ends, however the test process died.
 */
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { foldersIn, stopAll, stopProcess } from '@sluice/stack';
import { type Charge, readCharge } from './charge.js';

const stopWithinMs = 2_000;

const children = new Map<number, Extract<Charge, { kind: 'child' }>>();
const folders = new Set<string>();
const stacks = new Set<string>();

function note(charge: Charge): void {
  if (charge.kind === 'child') children.set(charge.pid, charge);
  else if (charge.kind === 'ended') children.delete(charge.pid);
  else if (charge.kind === 'stack') stacks.add(charge.root);
  else if (charge.kind === 'folder') folders.add(charge.path);
  else folders.delete(charge.path);
}

// The terminal's Ctrl-C is meant for the tests; their end is what ends us.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

for await (const line of createInterface({ input: process.stdin })) note(readCharge(line));
await Promise.all(Array.from(children.values(), (child) => stopProcess(child, child.stopSignal, stopWithinMs)));
await Promise.all(Array.from(stacks, (root) => stopAll(foldersIn(root), () => undefined)));
await Promise.all(Array.from(folders, (folder) => rm(folder, { recursive: true, force: true })));
