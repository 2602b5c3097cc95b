/** Messages that wait on the own disk, in fsynced segments with checksums: ingestion's while the log is away, and the SDK's while ingestion is. */
export { decodeSegment, type SegmentContent, type SpoolRecord } from './record.js';
export { openSpool, type Spool, type SpoolOptions, type SpoolState } from './spool.js';
