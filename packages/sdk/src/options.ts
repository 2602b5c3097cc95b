import { join } from 'node:path';
import { invalid, type Logger, silentLogger } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';
import type { SpoolLimits } from './event-spool.js';
import { batchLingerMs, queueEventsMax, silenceMs, spoolAgeMaxMs, spoolBytesMax, staleAfterMs } from './limits.js';
import type { StickyStorage } from './sticky.js';
import type { Attributes } from './wire-user.js';

/** What local and remote evaluation have in common. */
export interface ConnectionOptions {
  /** An SDK key of class server, or a console key. Client keys may only evaluate remotely. */
  readonly key: string;
  /** Where evaluators are: `consul:///evaluation`, `dns:///evaluation:7440` or `static:///host:port,host:port`. */
  readonly target: string;
  /** Where events go. Found through Consul unless said; without it other targets drop events, and count them. */
  readonly ingestionTarget?: string | undefined;
  /** The set, for keys that reach more than one. */
  readonly set?: SetRef | undefined;
  /** Where Consul answers, `host:port`. */
  readonly consulAddr?: string | undefined;
  /** The own region: its instances are preferred. */
  readonly region?: string | undefined;
  /** Answers from a ruleset that was not known to be the newest for this long say that they are stale. 60 s unless said. */
  readonly staleAfterMs?: number | undefined;
  /** Attributes that every user has; a user's own of the same name go first. Part of events, as `custom` is. */
  readonly globalCustomFields?: Attributes | undefined;
  /** Sends no exposures at all; events are sent nevertheless. */
  readonly disableExposureLogging?: boolean | undefined;
  /** Any pino logger. Says nothing unless given. */
  readonly logger?: Logger | undefined;
  /**
   * Folder for events while ingestion is away; clients of several processes may share it. Events
   * that a process leaves there, however it ended, are delivered by the next one with the same key.
   * Absent: `events` in `stateDir`; without that events wait in memory only. False: never on disk.
   */
  readonly spoolDir?: string | false | undefined;
  /** What events on disk may take, in bytes; many clients that fill one folder at once may be over it for 15 s. 256 MiB unless said. */
  readonly spoolBytesMax?: number | undefined;
  /** When the oldest event on disk has waited for so long, in milliseconds, more wait in memory. 7 days unless said. */
  readonly spoolAgeMaxMs?: number | undefined;
  /** Events that may wait in memory. */
  readonly queueEventsMax?: number | undefined;
  /** How long an event waits for company, in milliseconds. */
  readonly lingerMs?: number | undefined;
}

export interface SluiceOptions extends ConnectionOptions {
  /** Folder for the last known good ruleset. Absent: nothing is kept on disk. */
  readonly stateDir?: string | undefined;
  /** To start from while there is nothing better: a ruleset file or frame, or a Statsig document (version 2); a path or the bytes. */
  readonly bootstrap?: string | Uint8Array | undefined;
  /** Where units keep the groups of experiments and layers. Absent: groups change as the ruleset does. */
  readonly stickyStorage?: StickyStorage | undefined;
  /** A stream that is silent for this long is dead, in milliseconds. 3 s unless said. */
  readonly silenceMs?: number | undefined;
}

/** Options with everything filled in. */
export interface Settled {
  readonly connection: {
    readonly target: string;
    readonly key: string;
    readonly consulAddr: string | undefined;
    readonly region: string | undefined;
    readonly endpointsDir: string | undefined;
  };
  readonly ingestionTarget: string | undefined;
  readonly set: SetRef | undefined;
  readonly globalCustomFields: Attributes | undefined;
  readonly isExposing: boolean;
  readonly logger: Logger;
  readonly queueEventsMax: number;
  readonly lingerMs: number;
  readonly spool: SpoolLimits | undefined;
  readonly staleAfterMs: number;
  readonly silenceMs: number;
}

const schemes = /^(consul|dns|static):\/\/\/\S/;

/** @throws SluiceError `invalid` naming the option that can't be used. */
export function settle(options: SluiceOptions): Settled {
  const { key, target, set } = options;
  if (typeof key !== 'string' || key === '') throw invalid('key', 'is empty; give an SDK key, such as sluice_server_…');
  checkTarget('target', target);
  if (options.ingestionTarget !== undefined) checkTarget('ingestionTarget', options.ingestionTarget);
  checkStorage(options.stickyStorage);
  if (set && (!set.project || !set.environment)) throw invalid('set', 'must name both project and environment');
  return {
    connection: {
      target,
      key,
      consulAddr: options.consulAddr,
      region: options.region,
      endpointsDir: options.stateDir && join(options.stateDir, 'endpoints'),
    },
    ingestionTarget: options.ingestionTarget ?? (target.startsWith('consul:') ? 'consul:///ingestion' : undefined),
    set,
    globalCustomFields: options.globalCustomFields && { ...options.globalCustomFields },
    isExposing: options.disableExposureLogging !== true,
    logger: options.logger ?? silentLogger,
    queueEventsMax: positive('queueEventsMax', options.queueEventsMax, queueEventsMax),
    lingerMs: positive('lingerMs', options.lingerMs, batchLingerMs),
    spool: spoolOf(options),
    staleAfterMs: positive('staleAfterMs', options.staleAfterMs, staleAfterMs),
    silenceMs: positive('silenceMs', options.silenceMs, silenceMs),
  };
}

function spoolOf({ spoolDir, stateDir, ...asked }: SluiceOptions): Settled['spool'] {
  const directory = spoolDir ?? (stateDir && join(stateDir, 'events'));
  const bytesMax = positive('spoolBytesMax', asked.spoolBytesMax, spoolBytesMax);
  const ageMaxMs = positive('spoolAgeMaxMs', asked.spoolAgeMaxMs, spoolAgeMaxMs);
  return directory ? { directory, bytesMax, ageMaxMs } : undefined;
}

function checkStorage(storage: unknown): void {
  if (storage === undefined) return;
  const { load, save, delete: forget } = storage as Record<string, unknown>;
  if ([load, save, forget].every((method) => typeof method === 'function')) return;
  throw invalid('stickyStorage', 'has not all methods; give load(key), save(key, name, value) and delete(key, name)');
}

function checkTarget(field: string, target: string): void {
  if (schemes.test(target)) return;
  throw invalid(
    field,
    `is ${JSON.stringify(target)}; write consul:///service, dns:///host:port or static:///host:port,host:port`,
  );
}

/** @throws SluiceError `invalid` for what is no number above 0. */
export function positive(field: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isFinite(value) && value > 0) return value;
  throw invalid(field, `is ${value}; give a number above 0`);
}
