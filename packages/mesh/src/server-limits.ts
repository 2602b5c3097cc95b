import { z } from 'zod';
import { integer } from './env.js';

/**
 * What a server takes from strangers. Every limit is a count, a rate or a time; 0 switches a limit
 * off, which is for tests that show what it is good for.
 */
export interface ServerLimits {
  /** Connections in all. */
  readonly connectionsMax: number;
  /** Connections from one address: an address may be a node with many processes, or a whole network behind NAT. */
  readonly connectionsPerPeerMax: number;
  /** How long a connection may take to say that it speaks HTTP/2, in milliseconds. */
  readonly prefaceTimeoutMs: number;
  /** Connections that have not said all of their preface yet, together: of more, the oldest are closed. */
  readonly prefacesMax: number;
  /** Calls under way on one connection. */
  readonly streamsPerConnectionMax: number;
  /** Headers of one call in bytes. */
  readonly headerBytesMax: number;
  /** PING and SETTINGS frames of one connection, per second; twice as many at once. */
  readonly controlFramesPerSecondMax: number;
  /**
   * Calls of one connection that their caller takes back within 50 ms, per second; twice as many at
   * once, and a tenth on a new connection. Those taken back later are calls like others: their deadlines passed.
   */
  readonly resetsPerSecondMax: number;
  /** Deadline of calls that come without one, in milliseconds; streams have none. */
  readonly callTimeoutMs: number;
  /** The longest deadline that a call may have, in milliseconds. */
  readonly callTimeoutMaxMs: number;
  /** How long a stream may go unread before it is closed, in milliseconds. */
  readonly streamStallMs: number;
  /** Calls of one key per second; twice as many at once. The mesh's own services have no such limit. */
  readonly callsPerSecondPerKeyMax: number;
  /** Calls that are worked on at a time, at most; see `latencyTargetMs`. 0: no admission at all. */
  readonly inFlightMax: number;
  /** Fewer than this are never worked on at a time, however slow they are. */
  readonly inFlightMin: number;
  /** How much longer than when alone a call may take before fewer are worked on at a time, in milliseconds. */
  readonly latencyTargetMs: number;
  /** Calls that wait for their turn. */
  readonly queueMax: number;
  /** How long a call waits for its turn at least, in milliseconds; one with a lot of time waits for half of it. */
  readonly queueTimeoutMs: number;
  /** Between NOT_SERVING and the end of the first connection, when a server stops, in milliseconds. */
  readonly drainGraceMs: number;
}

/** The variable, default and bounds of each limit; `docs/servers.md` lists the same. */
export const limitVariables = {
  connectionsMax: ['SERVER_CONNECTIONS_MAX', 10_000, 1_000_000],
  connectionsPerPeerMax: ['SERVER_CONNECTIONS_PER_PEER_MAX', 4_096, 1_000_000],
  prefaceTimeoutMs: ['SERVER_PREFACE_TIMEOUT_MS', 5_000, 60_000],
  prefacesMax: ['SERVER_PREFACES_MAX', 1_024, 1_000_000],
  streamsPerConnectionMax: ['SERVER_STREAMS_PER_CONNECTION_MAX', 1_000, 100_000],
  headerBytesMax: ['SERVER_HEADER_BYTES_MAX', 16_384, 1_048_576],
  controlFramesPerSecondMax: ['SERVER_CONTROL_FRAMES_PER_SECOND_MAX', 1_000, 1_000_000],
  resetsPerSecondMax: ['SERVER_RESETS_PER_SECOND_MAX', 1_000, 1_000_000],
  callTimeoutMs: ['SERVER_CALL_TIMEOUT_MS', 30_000, 3_600_000],
  callTimeoutMaxMs: ['SERVER_CALL_TIMEOUT_MAX_MS', 600_000, 3_600_000],
  streamStallMs: ['SERVER_STREAM_STALL_MS', 60_000, 3_600_000],
  callsPerSecondPerKeyMax: ['SERVER_CALLS_PER_SECOND_PER_KEY_MAX', 20_000, 10_000_000],
  inFlightMax: ['SERVER_IN_FLIGHT_MAX', 1_024, 100_000],
  inFlightMin: ['SERVER_IN_FLIGHT_MIN', 8, 10_000],
  latencyTargetMs: ['SERVER_LATENCY_TARGET_MS', 25, 60_000],
  queueMax: ['SERVER_QUEUE_MAX', 512, 100_000],
  queueTimeoutMs: ['SERVER_QUEUE_TIMEOUT_MS', 200, 60_000],
  drainGraceMs: ['SERVER_DRAIN_GRACE_MS', 100, 60_000],
} as const satisfies Record<keyof ServerLimits, readonly [variable: string, preset: number, max: number]>;

type Entry = [keyof ServerLimits, (typeof limitVariables)[keyof ServerLimits]];

const entries = Object.entries(limitVariables) as Entry[];

/** What holds unless somebody says otherwise. */
export const defaultLimits: ServerLimits = Object.freeze(
  Object.fromEntries(entries.map(([name, [, preset]]) => [name, preset])) as Record<keyof ServerLimits, number>,
);

/** The variables' schemas, for `readEnv`. */
export const limitShape: Readonly<Record<string, z.ZodType<number>>> = Object.fromEntries(
  entries.map(([, [variable, preset, max]]) => [variable, integer(0, max).default(preset)]),
);

/** Picks the limits out of what `readEnv` read with `limitShape`. */
export function limitsOf(settings: Readonly<Record<string, unknown>>): ServerLimits {
  const read = entries.map(([name, [variable]]) => [name, z.number().parse(settings[variable])]);
  return Object.freeze(Object.fromEntries(read) as Record<keyof ServerLimits, number>);
}
