/** The room that speaks both wire and domain. */

export { findOverlaps } from './allocations.js';
export {
  type Authored,
  AuthoringError,
  type AuthoringOptions,
  type AuthoringProblem,
  authoringJsonSchema,
  authoringLimits,
  conditionId,
  formatProblem,
  offRuleId,
  type ProjectDocument,
  parseAuthoring,
  readAuthoring,
  readPlain,
  switchGate,
} from './authoring/index.js';
export { canonicalEntity } from './canonical.js';
export { applyEntities, changesFromEntities } from './changes.js';
export { findCircles } from './circles.js';
export { cmabFromJson, cmabToJson } from './cmab.js';
export { findDangling, mentionsOf } from './dangling.js';
export { decisionToWire, kindFromWire, kindToWire } from './decision.js';
export { type DiffLimits, diffEntities, type EntityDifference } from './entity-diff.js';
export { EntityError } from './entity-error.js';
export { type EntityReference, referencesOf } from './entity-references.js';
export type { EntityChangeSet, EntityProblem, EntityTable } from './entity-table.js';
export { specTraceToWire } from './explanation.js';
export { type ExportedRevision, exportedRuleset } from './export.js';
export { PackedIdList } from './id-list.js';
export {
  IdListBuilder,
  type IdListChange,
  IdListFullError,
  IdListKeysError,
  idListKeysProblem,
  idListMax,
  mergeIds,
  packKeys,
  unpackKeys,
} from './id-list-builder.js';
export { InitializeError, initializeFromWire, initializeToWire } from './initialize.js';
export { openFeatureReason } from './reason.js';
export { entitiesFromRuleset, rulesetFromEntities } from './ruleset.js';
export { entityKey, refOfKey, sectionOf, sectionWord } from './sections.js';
export {
  addEncoded,
  addEntity,
  type EncodedEntity,
  emptyStateHash,
  encodeEntity,
  equalHashes,
  hashEncoded,
  hashEntities,
  removeEncoded,
  removeEntity,
  type StateHash,
  stateHashBytes,
} from './state-hash.js';
export { didYouMean } from './suggest.js';
export { UserError, unitIdOf, userFromWire } from './user.js';
export { userFromJson } from './user-json.js';
