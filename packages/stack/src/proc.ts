import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A process, and when it was born: a number that is used again is not taken for the same process. */
export interface ProcessId {
  readonly pid: number;
  /** In clock ticks since boot, as in field 22 of /proc/<pid>/stat. */
  readonly startTime: string;
}

/** State letter and start time from the text of /proc/<pid>/stat. The name in it may hold anything, even `)`. */
export function parseStat(text: string): { state: string; startTime: string } | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state === undefined || state === '' || startTime === undefined ? undefined : { state, startTime };
}

function statOf(pid: number): { state: string; startTime: string } | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Who a running process is; nothing for one that is gone or only waits to be reaped. */
export function identify(pid: number): ProcessId | undefined {
  const stat = statOf(pid);
  return stat === undefined || stat.state === 'Z' || stat.state === 'X'
    ? undefined
    : { pid, startTime: stat.startTime };
}

export function isAlive({ pid, startTime }: ProcessId): boolean {
  return identify(pid)?.startTime === startTime;
}

/** Sends a signal to this very process. @returns whether it was there. */
export function signal(id: ProcessId, name: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    return process.kill(id.pid, name);
  } catch {
    return false;
  }
}

/** Inode by port of each listening socket in the text of /proc/net/tcp or tcp6. */
export function parseListeners(text: string): Map<number, string> {
  const listeners = new Map<number, string>();
  for (const line of text.split('\n').slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const port = Number.parseInt(local?.split(':')[1] ?? '', 16);
    if (state === '0A' && inode !== undefined && Number.isInteger(port)) listeners.set(port, inode);
  }
  return listeners;
}

function inodeOf(port: number): string | undefined {
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    try {
      const inode = parseListeners(readFileSync(file, 'utf8')).get(port);
      if (inode !== undefined) return inode;
    } catch {
      // A machine without IPv6 has no tcp6.
    }
  }
  return undefined;
}

/** The process that listens on a port, in words: `process 4711 (nats-server -c …)`. */
export function describeHolder(port: number): string {
  const inode = inodeOf(port);
  const pid = inode === undefined ? undefined : holderOf(inode);
  return pid === undefined ? "another user's process" : `process ${pid} (${commandOf(pid)})`;
}

function holderOf(inode: string): number | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => socketsOf(pid).includes(`socket:[${inode}]`));
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const commandLengthMax = 80;

function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
    return words.length > commandLengthMax ? `${words.slice(0, commandLengthMax - 1)}…` : words;
  } catch {
    return 'unknown command';
  }
}
