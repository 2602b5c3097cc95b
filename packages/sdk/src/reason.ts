import { DecisionError, Reason } from '@sluice/proto';
import type { ErrorCode, ReasonWord } from './answer.js';

const words: Readonly<Partial<Record<Reason, ReasonWord>>> = {
  [Reason.DEFAULT]: 'DEFAULT',
  [Reason.TARGETING_MATCH]: 'TARGETING_MATCH',
  [Reason.SPLIT]: 'SPLIT',
  [Reason.DISABLED]: 'DISABLED',
  [Reason.STATIC]: 'STATIC',
  [Reason.STALE]: 'STALE',
  [Reason.ERROR]: 'ERROR',
};

/** OpenFeature's word for a reason; one that only a newer server knows is none we could name. */
export function reasonWord(reason: Reason): ReasonWord {
  return words[reason] ?? 'DEFAULT';
}

/** The code for an error that the server names. */
export function errorCodeOf(reason: Reason, error: DecisionError): ErrorCode | undefined {
  if (reason !== Reason.ERROR) return undefined;
  if (error === DecisionError.FLAG_NOT_FOUND) return 'FLAG_NOT_FOUND';
  return error === DecisionError.UNSUPPORTED ? 'UNSUPPORTED' : 'GENERAL';
}
