import { createHash } from 'node:crypto';
import type { Account } from './account.js';

/** How to find out that a process does its work. */
export type Check =
  /** Has elected a leader. */
  | { readonly kind: 'consul'; readonly address: string }
  /** Its monitoring port says that JetStream is healthy. */
  | { readonly kind: 'nats'; readonly address: string }
  /** Answers `select 1`. */
  | { readonly kind: 'postgres'; readonly url: string }
  /** `grpc.health.v1` says SERVING. */
  | { readonly kind: 'grpc'; readonly address: string }
  /** Answers 200. */
  | { readonly kind: 'http'; readonly url: string };

/** One process of the stack: plain data, so that the supervisor can start it again from a file. */
export interface ProcessSpec {
  /** Unique in the stack, such as `nats` or `evaluation-1`. */
  readonly name: string;
  /** The kind of thing, such as `nats` or `evaluation`. */
  readonly service: string;
  /** Where it belongs; absent for what belongs to no region. */
  readonly region?: string | undefined;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the little environment that every process gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly account?: Account | undefined;
  /** Where others reach it, `host:port`. */
  readonly address: string;
  /** Where its metrics are scraped, when it has any. */
  readonly metricsUrl?: string | undefined;
  /** Every port it listens on. */
  readonly ports: readonly number[];
  readonly check: Check;
  /** How it is asked to stop. */
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  /** Changes when the code or configuration behind the same command line does. */
  readonly fingerprint: string;
}

/** Two specs with the same hash start the same process. */
export function hashOf(spec: ProcessSpec): string {
  const { command, args, env, account, fingerprint } = spec;
  const sorted = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([command, args, sorted, account ? [account.uid, account.gid] : null, fingerprint]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
