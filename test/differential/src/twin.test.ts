import assert from 'node:assert/strict';
import { type Decision, evaluateConfig, evaluateGate, evaluateLayer, type User } from '@sluice/engine';
import { exposureTexts } from './answers.js';
import { compileDocument, contextOf } from './compare.js';
import { makeRound } from './rounds.js';
import { answerByTwin, type TwinKind } from './twin.js';

/** What both say, in one shape. Values that are not objects read as empty ones. */
function describeDecision(decision: Decision): unknown {
  const { ruleID, groupName, reason } = decision;
  const exposures = exposureTexts(decision.secondaryExposures);
  if (decision.kind === 'gate') return { answer: decision.value, ruleID, groupName, reason, exposures };
  const allocated = decision.kind === 'layer' ? decision.allocatedExperiment : null;
  return { answer: decision.value, ruleID, groupName, reason, exposures, allocated };
}

function compareRound(seed: number): number {
  const { document, users, surroundings } = makeRound(seed);
  const program = compileDocument(document);
  const context = contextOf(surroundings);
  let comparisons = 0;
  for (const data of users) {
    const user = data as User;
    const check = (kind: TwinKind, name: string, decision: Decision): void => {
      comparisons++;
      const twin = answerByTwin(document, kind, name, data, context, program.ruleset.idLists);
      const value =
        typeof twin.value === 'object' && twin.value !== null && !Array.isArray(twin.value) ? twin.value : {};
      const { bool, ruleID, groupName, reason, exposures, allocated } = twin;
      const expected =
        kind === 'gate'
          ? { answer: bool, ruleID, groupName, reason, exposures }
          : { answer: value, ruleID, groupName, reason, exposures, allocated: kind === 'layer' ? allocated : null };
      assert.deepEqual(describeDecision(decision), expected, `seed ${seed}, ${kind} ${name}, ${JSON.stringify(data)}`);
    };
    for (const name of Object.keys(document.feature_gates))
      check('gate', name, evaluateGate(program, name, user, context));
    for (const name of Object.keys({ ...document.dynamic_configs, ...document.cmab_configs })) {
      for (const kind of ['config', 'experiment'] as const)
        check(kind, name, evaluateConfig(program, name, user, context, kind));
    }
    for (const name of Object.keys(document.layer_configs))
      check('layer', name, evaluateLayer(program, name, user, context));
  }
  return comparisons;
}

describe('the plain twin', () => {
  it('agrees with the engine', function () {
    this.timeout(60_000);
    let comparisons = 0;
    for (let seed = 7_000_000; comparisons < 30_000; seed++) comparisons += compareRound(seed);
  });
});
