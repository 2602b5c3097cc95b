import {
  type Decision,
  DecisionError,
  decisionErrorToJSON,
  Kind,
  kindToJSON,
  type Provenance,
  Reason,
  reasonToJSON,
} from '@sluice/proto';
import { rawJson } from './report.js';
import type { Style } from './style.js';
import { enumWord, formatAge } from './words.js';

export function kindWord(kind: Kind): string {
  return enumWord('KIND', kindToJSON(kind)).toLowerCase();
}

/** One decision as `--json` prints it. */
export function decisionDocument(decision: Decision): Record<string, unknown> {
  const isGate = decision.kind === Kind.GATE;
  return {
    name: decision.name,
    kind: kindWord(decision.kind),
    value: isGate ? decision.gateValue : rawJson(decision.valueJson === '' ? 'null' : decision.valueJson),
    ruleId: decision.ruleId,
    groupName: decision.groupName === '' ? null : decision.groupName,
    idType: decision.idType,
    reason: enumWord('REASON', reasonToJSON(decision.reason)),
    error: decision.error === DecisionError.UNSPECIFIED ? null : errorWord(decision),
    detail: decision.detail,
    version: decision.version ?? null,
    ...(decision.kind === Kind.LAYER ? layerFields(decision) : {}),
    ...(isGate ? {} : { isExperimentGroup: decision.isExperimentGroup }),
    secondaryExposures: decision.secondaryExposures.map((exposure) => ({ ...exposure })),
  };
}

function layerFields(decision: Decision): Record<string, unknown> {
  return {
    allocatedExperiment: decision.allocatedExperiment === '' ? null : decision.allocatedExperiment,
    explicitParameters: decision.explicitParameters,
    undelegatedSecondaryExposures: decision.undelegatedSecondaryExposures.map((exposure) => ({ ...exposure })),
  };
}

export function provenanceDocument(provenance: Provenance | undefined): Record<string, unknown> {
  return {
    project: provenance?.set?.project ?? null,
    environment: provenance?.set?.environment ?? null,
    revision: provenance?.revision ?? 0,
    ageMs: provenance?.ageMs ?? 0,
    isStale: provenance?.isStale ?? false,
  };
}

function errorWord(decision: Decision): string {
  return enumWord('DECISION_ERROR', decisionErrorToJSON(decision.error));
}

/** `SPLIT`, or `ERROR (UNSUPPORTED)`. */
export function reasonText(decision: Decision): string {
  const word = enumWord('REASON', reasonToJSON(decision.reason));
  return decision.reason === Reason.ERROR ? `${word} (${errorWord(decision)})` : word;
}

/** `12 of storefront/production, 200 ms old` */
export function provenanceText(provenance: Provenance | undefined, style: Style): string {
  const { set, revision = 0, ageMs = 0, isStale = false } = provenance ?? {};
  const text = `${revision} of ${set?.project ?? '?'}/${set?.environment ?? '?'}, ${formatAge(ageMs)} old`;
  return isStale ? style.warn(`${text}, STALE`) : text;
}
