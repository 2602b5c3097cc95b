import { RulesetServiceService } from '@sluice/proto';

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The contract of those who hand rulesets on, with answers that are encoded already: once for all readers. */
export const relayedRulesetService = {
  listSets: RulesetServiceService.listSets,
  getRuleset: { ...RulesetServiceService.getRuleset, responseSerialize: asBuffer },
  watchRuleset: { ...RulesetServiceService.watchRuleset, responseSerialize: asBuffer },
};
