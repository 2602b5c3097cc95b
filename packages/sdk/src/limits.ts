/** Every limit of the SDK in one place. */

/** Without a word for this long a stream is dead: heartbeats come each second. In milliseconds. */
export const silenceMs = 3_000;
/** Waits between attempts to open the stream, in milliseconds. */
export const reconnectFirstMs = 100;
export const reconnectLongestMs = 2_000;
/** However long a server says that we should stay away, we come back after this, in milliseconds. */
export const comeBackMaxMs = 30_000;
/** Largest message of the stream: a snapshot, in bytes. */
export const frameBytesMax = 512 * 1024 * 1024;
/** Answers from a ruleset that was not known to be the newest for this long say that they are stale. */
export const staleAfterMs = 60_000;
/** Events that may wait, and what they may hold together in bytes; more are dropped and counted. */
export const queueEventsMax = 50_000;
export const queueBytesMax = 32 * 1024 * 1024;
/** One event alone, in bytes: larger ones can't be sent. */
export const eventBytesMax = 256 * 1024;
/** One batch: half of what ingestion takes in number, and less than its limit in bytes, as both are estimates. */
export const batchEventsMax = 500;
export const batchBytesMax = 768 * 1024;
/** How long an event waits for company, in milliseconds. */
export const batchLingerMs = 200;
/** How long ingestion may take over a batch, in milliseconds. */
export const batchTimeoutMs = 5_000;
/** Waits between attempts to send a batch, in milliseconds. */
export const resendFirstMs = 100;
export const resendLongestMs = 5_000;
/** What events on disk may take, of all clients that share the folder, in bytes. */
export const spoolBytesMax = 256 * 1024 * 1024;
/** How long the oldest of them may wait before more are kept in memory only, in milliseconds: a week. */
export const spoolAgeMaxMs = 7 * 24 * 3_600_000;
/** How often a client looks for what dead processes left, in milliseconds. */
export const spoolSweepMs = 15_000;
/** How often it shows other containers that it lives, in milliseconds. */
export const spoolTouchMs = 15_000;
/** How long after the last batch ingestion is told how that ended, in milliseconds. */
export const reportAfterMs = 2_000;
/** How long a close may take to tell ingestion of the end of the books, in milliseconds. */
export const farewellMs = 1_000;
/** The same exposure is sent once in this long, in milliseconds. */
export const seenForMs = 60_000;
/** Exposures remembered in that time; past them all are forgotten, and some are sent again. */
export const seenMax = 100_000;
/** How long a close may take over events that are left, in milliseconds. */
export const closeTimeoutMs = 3_000;
/** How long a remote evaluation may take, in milliseconds. */
export const remoteTimeoutMs = 2_000;
/** How often a remote client looks for another revision while somebody listens for changes, in milliseconds. */
export const lookMs = 1_000;
/** How long the storage of sticky groups may take to load, in milliseconds. */
export const stickyTimeoutMs = 1_000;
/** Saves and deletions that may be on their way to it; more are left out, and come up again. */
export const stickyPendingMax = 1_000;
/** How long `ready` waits unless told, in milliseconds. */
export const readyTimeoutMs = 10_000;
