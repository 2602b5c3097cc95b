/** Holds rulesets: applies frames, proves them, keeps the last known good on disk. */
export { type Authority, type AuthorityOptions, createAuthority } from './authority.js';
export { Disk, type DiskOptions, type FoundState } from './disk.js';
export { EntityTable } from './entity-table.js';
export { type Applied, type Cause, Follower, type FollowerCounters, type FollowerOptions } from './follower.js';
export { type FrameMessage, type FrameSource, pulseSubject, rulesetStream, rulesetSubjects } from './frame-source.js';
export { Holdings, programsKept, type Standing, setKey } from './holdings.js';
export { composeFrame, FrameError, type RawFrame, rawFrame, readFrame } from './raw-frame.js';
export { relayedRulesetService } from './relayed-service.js';
export {
  applyFrame,
  applyFrameSliced,
  compareLineage,
  emptyState,
  type Outcome,
  type ReplicaState,
  snapshotFrame,
  type Word,
} from './replica.js';
export { CorruptFileError, readStateFile, stateFileBytes } from './replica-file.js';
export { standingDigest } from './standing-digest.js';
