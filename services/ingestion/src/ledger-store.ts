/** The store half of ingestion by itself, for tests and benchmarks that need no mesh around it. */

export { recount } from './books/recount.js';
export { createCounters } from './counters.js';
export { forgetStarts } from './house/forgotten-starts.js';
export { createDuties, foldAll } from './house/housekeeper.js';
export { makeDaysAhead, type Retention, retentionDuties } from './house/retention.js';
export { otherName, usageNamesMax } from './limits.js';
export { eventShards, subjectOf, subjectOn } from './log/shards.js';
export { eventsOf, usageOf } from './usage/usage-report.js';
export { copyOf } from './writer/copy-tuples.js';
export { eventColumns } from './writer/event-columns.js';
export { ensureDay, migrationsUrl, readExposures, readUsage } from './writer/store.js';
export { type Delivery, type Taken, take } from './writer/taken.js';
export { type Written, writeBatch } from './writer/write-batch.js';
export { startWriter, Writer } from './writer/writer.js';
