/** The store half of ingestion by itself, for tests and benchmarks that need no mesh around it. */

export { copyOf } from './copy-tuples.js';
export { createCounters } from './counters.js';
export { eventColumns } from './event-columns.js';
export { forgetStarts } from './forgotten-starts.js';
export { createDuties, foldAll } from './housekeeper.js';
export { otherName, usageNamesMax } from './limits.js';
export { recount } from './recount.js';
export { makeDaysAhead, type Retention, retentionDuties } from './retention.js';
export { eventShards, subjectOf, subjectOn } from './shards.js';
export { ensureDay, migrationsUrl, readExposures, readUsage } from './store.js';
export { type Delivery, type Taken, take } from './taken.js';
export { eventsOf, usageOf } from './usage-report.js';
export { type Written, writeBatch } from './write-batch.js';
export { startWriter, Writer } from './writer.js';
