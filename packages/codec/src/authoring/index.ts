/** Friendly YAML documents → the entities of a ruleset. */
import type { Entity, EntityOverrides } from '@sluice/proto';
import { experimentEntities, layerEntities } from './compile-experiment.js';
import { configEntity, gateEntity, holdoutEntity, segmentEntity } from './compile-gate.js';
import { overridesOf } from './compile-overrides.js';
import { listEntity, storeEntity } from './compile-store.js';
import { ConditionPool } from './condition-pool.js';
import { AuthoringError, formatPath } from './problem.js';
import { limits, readYaml, type YamlSource } from './read-yaml.js';
import { findBadReferences } from './references.js';
import { documentSchema, type ProjectDocument } from './schema.js';
import { type Finding, findingsOf } from './sentences.js';

export { conditionId } from './condition-pool.js';
export { AuthoringError, type AuthoringProblem, formatProblem } from './problem.js';
export { limits as authoringLimits } from './read-yaml.js';
export { authoringJsonSchema, type ProjectDocument } from './schema.js';
export { offRuleId, switchGate } from './switch-gate.js';

/** A project document, ready to be sent to config. */
export interface Authored {
  readonly project: string;
  /** Of the project. */
  readonly description?: string | undefined;
  /** Gates and segments, configs and experiments, layers, conditions. */
  readonly entities: Entity[];
  /** Of those entities that say what their overrides are. */
  readonly overrides: EntityOverrides[];
}

export interface AuthoringOptions {
  /** The document is a part of the project: what it mentions may be elsewhere. */
  readonly isPart?: boolean;
}

/**
 * Reads a friendly document in YAML or JSON.
 * @throws AuthoringError with the path and line of everything that its author must change.
 */
export function readAuthoring(text: string, options: AuthoringOptions = {}): Authored {
  const document = readDocument(text, options);
  const { project, description } = document;
  return { project, description, entities: compileDocument(document), overrides: overridesOf(document) };
}

/** The entities of a friendly document. @throws AuthoringError */
export function parseAuthoring(text: string, options: AuthoringOptions = {}): Entity[] {
  return readAuthoring(text, options).entities;
}

/** YAML or JSON as plain values, within the limits of documents. @throws AuthoringError */
export function readPlain(text: string): unknown {
  return readYaml(text).value;
}

function readDocument(text: string, { isPart = false }: AuthoringOptions): ProjectDocument {
  const source = readYaml(text);
  const result = documentSchema.safeParse(source.value);
  if (!result.success) throw errorOf(findingsOf(result.error.issues, source.value), source);
  const findings = findBadReferences(result.data, isPart);
  if (findings.length > 0) throw errorOf(findings, source);
  return result.data;
}

function errorOf(findings: readonly Finding[], source: YamlSource): AuthoringError {
  const problems = findings.map(({ path, message }) => ({
    path: formatPath(path),
    line: source.lineAt(path),
    message: path.length === 0 ? `the document ${message}` : message,
  }));
  return new AuthoringError(problems.sort((left, right) => left.line - right.line).slice(0, limits.problemsMax));
}

function compileDocument(document: ProjectDocument): Entity[] {
  const pool = new ConditionPool();
  const entities = [
    ...Object.entries(document.segments).map(([name, segment]) => segmentEntity(name, segment, pool)),
    ...Object.entries(document.gates).map(([name, gate]) => gateEntity(name, gate, pool)),
    ...Object.entries(document.configs).map(([name, config]) => configEntity(name, config, pool)),
    ...Object.entries(document.experiments).flatMap(([name, experiment]) => experimentEntities(name, experiment, pool)),
    ...Object.entries(document.layers).flatMap(([name, layer]) => layerEntities(name, layer, pool)),
    ...Object.entries(document.holdouts).map(([name, holdout]) => holdoutEntity(name, holdout, pool)),
    ...Object.entries(document.stores).map(([name, store]) => storeEntity(name, store)),
    ...Object.entries(document.lists).map(([name, list]) => listEntity(name, list)),
  ];
  return [...entities, ...pool.entities()];
}
