/** A short selection of the stories; `make drill regions` tells all of them, and for longer. */
import assert from 'node:assert/strict';
import { labEnv, prove } from './drill-regions.js';
import { evaluationStories } from './evaluation-stories.js';
import { eventStories, partitionFor } from './event-stories.js';
import { type Lab, openLab } from './lab.js';
import { outageStories } from './outage-stories.js';
import type { Story } from './story.js';

const shortCutMs = 3_000;
/** The same victims and pauses each time; `make drill regions` takes others. */
const seed = 1;
/** Other rooms share the cores, and only what hangs shall fail. */
const patience = 10;
/** The checkers of the others are proven by the drill. */
const provenHere = "region's evaluators killed";
const chosen: readonly Story[] = [
  ...[...evaluationStories, ...outageStories].filter(({ fault }) =>
    /^(evaluator kill|all of a region|evaluator frozen)/.test(fault),
  ),
  ...eventStories.filter(({ fault }) => /events in its log/.test(fault)),
  partitionFor(shortCutMs),
];

describe('two regions', function () {
  this.timeout(120_000);
  let lab: Lab;

  before(async () => {
    lab = await openLab({ env: labEnv, seed, patience });
  });

  after(() => lab?.close());

  for (const story of chosen) {
    it(`${story.fault}: ${story.goal}`, async function () {
      const why = story.isNotRun?.();
      if (why !== undefined) {
        console.log(`      not run: ${why}`);
        return this.skip();
      }
      const { measured, isMet } = await story.tell(lab);
      assert.ok(isMet, measured);
      if (!story.fault.endsWith(provenHere)) return;
      const proof = await prove(lab, story);
      assert.ok(proof.isMet, proof.measured);
    });
  }
});
