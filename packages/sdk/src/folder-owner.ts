/**
 * Who a spool's folder belongs to. The name of the folder says it: `<source>_<pid>_<start>_<space>`,
 * so that taking over what a dead process left is one rename, which only one can win.
 */
import { readFileSync, readlinkSync } from 'node:fs';

/** A process, told apart from a later one with the same number. */
export interface Owner {
  readonly pid: number;
  /** When it started, in ticks since the start of the machine; 0 where that is not to be known. */
  readonly startTicks: string;
  /** Where its number means something: the boot and the container that it runs in. */
  readonly space: string;
}

/** Of a folder that was left in good order: anybody may take it. */
export const nobody: Owner = { pid: 0, startTicks: '0', space: '0' };

/** Folders of other containers are left alone unless they were not touched for this long, in milliseconds. */
export const silentAfterMs = 120_000;

const namePattern = /^([0-9a-f-]{36})_(\d{1,10})_(\d{1,20})_([0-9a-z]{1,64})$/;

export function nameOf(sourceId: string, { pid, startTicks, space }: Owner): string {
  return `${sourceId}_${pid}_${startTicks}_${space}`;
}

/** @returns undefined for folders that are none of ours. */
export function readName(name: string): { readonly sourceId: string; readonly owner: Owner } | undefined {
  const [, sourceId, pid, startTicks, space] = namePattern.exec(name) ?? [];
  if (!sourceId || !pid || !startTicks || !space) return undefined;
  return { sourceId, owner: { pid: Number(pid), startTicks, space } };
}

export function ownProcess(): Owner {
  return { pid: process.pid, startTicks: startTicksOf(process.pid) ?? '0', space: ownSpace() };
}

/**
 * Whether nobody will come back to a folder. Exact for processes of the own container, also for
 * frozen ones; elsewhere only silence tells (`touchedMsAgo`: how long ago its owner last touched it).
 */
export function isOrphan(owner: Owner, own: Owner, touchedMsAgo: number): boolean {
  if (owner.pid === 0) return true;
  if (owner.space !== own.space) return touchedMsAgo > silentAfterMs;
  if (!isRunning(owner.pid)) return true;
  return owner.startTicks !== '0' && startTicksOf(owner.pid) !== owner.startTicks;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Field 22 of the process's state; the name before it may hold anything, brackets too. A zombie does not run. */
function startTicksOf(pid: number): string | undefined {
  const state = textOf(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const fields = state?.slice(state.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' ? undefined : fields?.[19];
}

function ownSpace(): string {
  const boot = textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')) ?? '';
  const container = textOf(() => readlinkSync('/proc/self/ns/pid')) ?? '';
  return `${boot.slice(0, 8)}x${container}`.replaceAll(/[^0-9a-z]/g, '') || '0';
}

/** Not every system has these files. */
function textOf(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
