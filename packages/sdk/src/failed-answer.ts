import type { JsonValue } from '@sluice/engine';
import {
  type AllAnswers,
  type ConfigAnswer,
  type ErrorCode,
  type GateAnswer,
  type LayerAnswer,
  noValues,
  type ParameterStoreAnswer,
  type Widened,
} from './answer.js';

/** Why nothing could be decided, and by which ruleset. */
export interface Failure {
  readonly errorCode: ErrorCode;
  readonly detail: string;
  readonly revision: number;
  readonly ageMs: number;
  readonly isStale: boolean;
}

export const notReady: Failure = {
  errorCode: 'PROVIDER_NOT_READY',
  detail: 'NotReady: no ruleset has arrived yet; await ready()',
  revision: 0,
  ageMs: Number.POSITIVE_INFINITY,
  isStale: true,
};

export function failedBy(
  error: unknown,
  { revision, ageMs, isStale }: Pick<Failure, 'revision' | 'ageMs' | 'isStale'>,
): Failure {
  return { errorCode: 'GENERAL', detail: `Error: ${messageOf(error)}`, revision, ageMs, isStale };
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const fallbackOnly = {
  get: <T extends JsonValue>(_parameter: string, fallback: T): Widened<T> => fallback as Widened<T>,
};

const undecided = { ruleID: '', groupName: null, reason: 'ERROR', version: null } as const;

export const failedGate = (name: string, failure: Failure): GateAnswer => ({
  name,
  value: false,
  ...undecided,
  ...failure,
});

export const failedConfig = (name: string, failure: Failure): ConfigAnswer => ({
  name,
  value: noValues,
  ...undecided,
  ...failure,
  ...fallbackOnly,
});

export const failedLayer = (name: string, failure: Failure): LayerAnswer => ({
  ...failedConfig(name, failure),
  allocatedExperiment: null,
});

export const failedStore = (name: string, failure: Failure): ParameterStoreAnswer => ({
  name,
  reason: 'ERROR',
  ...failure,
  ...fallbackOnly,
});

export const noAnswers: AllAnswers = { revision: 0, gates: new Map(), configs: new Map(), layers: new Map() };
