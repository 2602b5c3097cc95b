/** Every limit of this service in one place. */

/** Entities in one Evaluate. */
export const keysMax = 1_000;
/** Largest request in bytes: a thousand keys with long names, and a user with many attributes. */
export const requestBytesMax = 256 * 1024;
/** Frames of each set that a relay can resend. */
export const framesKept = 64;
/** Those frames together, in bytes. */
export const frameBytesKept = 16 * 1024 * 1024;
/** How long a snapshot made for a reader is kept for the next ones, in milliseconds. */
export const snapshotKeptMs = 10_000;
/** Snapshots for readers go out at this rate together, in bytes per second, after a burst. */
export const snapshotBytesPerSecond = 48 * 1024 * 1024;
export const snapshotBurstBytes = 4 * 1024 * 1024;
/** A reader waits this long for its snapshot; with more ahead of it, it is told when to come back. In milliseconds. */
export const snapshotWaitMaxMs = 4_000;
/** Heartbeats of one moment are the same for all readers, for this long. In milliseconds. */
export const heartbeatSharedMs = 50;
/** A sign of life on silent streams and on the bus, in milliseconds. */
export const heartbeatMs = 1_000;
/** Exposures in one batch: half of what ingestion takes, in number and in bytes. */
export const batchEventsMax = 500;
export const batchBytesMax = 512 * 1024;
/** How long an exposure waits for company, in milliseconds. */
export const batchLingerMs = 100;
/** How long ingestion may take over a batch, in milliseconds. */
export const batchTimeoutMs = 5_000;
/** Other requests' traces that a batch's span names. */
export const batchLinksMax = 32;
/** How long an unknown key may wait for the change that grants it, in milliseconds. */
export const keyGraceMs = 300;
/** How long a stop may take over exposures that are left, in milliseconds. */
export const flushTimeoutMs = 3_000;
/** Past revisions, compiled for replays, that are kept. */
export const replaysKept = 8;
/** Past revisions that wait to be fetched and compiled. */
export const replaysWaitingMax = 16;
/** How long a question on a stream waits for a revision when it does not say, in milliseconds. */
export const streamWaitMs = 10_000;
/** Readers of the relay that are written to before calls get their turn. */
export const readersPerTurn = 32;
