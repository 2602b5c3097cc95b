import { readFileSync } from 'node:fs';

/** Whom a process runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Reads lines of /etc/passwd. */
export function parseAccounts(passwd: string): Account[] {
  return passwd
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** PostgreSQL refuses to run as root: then `postgres` does it, or `nobody`. An ordinary user runs it as himself. */
export function postgresAccount(): Account | undefined {
  if (!isRoot()) return undefined;
  const accounts = parseAccounts(readFileSync('/etc/passwd', 'utf8'));
  const named = (name: string) => accounts.find((account) => account.name === name);
  return named('postgres') ?? named('nobody') ?? { name: '65534', uid: 65_534, gid: 65_534 };
}
