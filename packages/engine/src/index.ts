/** The engine: compile a ruleset, decide for a unit, explain why. Pure: no I/O, no clock, no random numbers. */
export {
  type AllDecisions,
  configKindOf,
  type Explanation,
  evaluateAll,
  evaluateAs,
  evaluateConfig,
  evaluateGate,
  evaluateLayer,
  explainAs,
  explainConfig,
  explainGate,
  explainLayer,
  kindOf,
  kindOfEntity,
  openSession,
  type Session,
} from './api.js';
export { bucketOf, djb2, idListKey, passBucketOf, sha256Base64, userBucketOf } from './bucket.js';
export { type Circle, findCirclesFrom } from './circles.js';
export { type InitializeNames, type InitializeOptions, initializeResponse } from './client/response.js';
export type { InitializeFormat } from './client/tables.js';
export { textOf } from './coerce.js';
export { type Compilation, compile, compileSteps, patch } from './compile.js';
export type * from './context.js';
export { type CountryTable, loadCountryTable } from './country.js';
export type * from './decision.js';
export { referenceReason } from './decision.js';
export { DenseIdList } from './dense-id-list.js';
export type { AskedKind } from './evaluate.js';
export type { ConditionOutcome, ConditionTrace, RuleOutcome, RuleTrace, SpecOrigin, SpecTrace } from './explain.js';
export { type JsonNode, JsonNumber, JsonSyntaxError, readAnyJson, readJson, writeJson } from './json-text.js';
export { numberText } from './number-text.js';
export { chooseOverride } from './overrides.js';
export { evaluateParameter, isSameType, type ParameterDecision } from './parameters.js';
export type * from './problem.js';
export type { Program, RulesetChanges, SectionChanges } from './program.js';
export { compilePattern, type Pattern } from './regex/pattern.js';
export type * from './ruleset.js';
export { type ParsedDocument, parseStatsigDocument, StatsigDocumentError } from './statsig-document.js';
export { formatStatsigDocument } from './statsig-format.js';
export * from './sticky.js';
export type * from './user.js';
export { parseUserAgent, type UserAgent } from './user-agent.js';
