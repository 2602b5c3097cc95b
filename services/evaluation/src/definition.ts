import { EvaluationServiceService } from '@sluice/proto';

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The service's contract; all decisions of a ruleset at once are encoded already: see `encodeAll`. */
export const evaluationService = {
  ...EvaluationServiceService,
  evaluateAll: { ...EvaluationServiceService.evaluateAll, responseSerialize: asBuffer },
};
