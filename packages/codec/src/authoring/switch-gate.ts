import type { Rule, Spec } from '@sluice/proto';

/** The rule id that answers report for a gate that is switched off. */
export const offRuleId = 'disabled';

/**
 * Switches a gate on or off. Evaluators run the rules of a disabled gate too (as the reference
 * does), so off is a rule of its own in front: false for everybody, and the others are kept.
 */
export function switchGate(gate: Spec, isOn: boolean): Spec {
  const rules = gate.rules.filter((rule) => rule.id !== offRuleId);
  return { ...gate, enabled: isOn, rules: isOn ? rules : [offRule(gate.idType), ...rules] };
}

function offRule(idType: string): Rule {
  return {
    id: offRuleId,
    name: 'switched off',
    passPercentage: 100,
    conditionIds: [],
    returnValueJson: 'false',
    idType,
    salt: '',
    groupName: undefined,
    isExperimentGroup: undefined,
    configDelegate: undefined,
    samplingRate: undefined,
  };
}
