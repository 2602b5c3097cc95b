import assert from 'node:assert/strict';
import { evaluateConfig, evaluateGate } from './api.js';
import { compile } from './compile.js';
import { context } from './ruleset-fixture.js';
import { parseStatsigDocument, StatsigDocumentError } from './statsig-document.js';
import { formatStatsigDocument } from './statsig-format.js';
import { readVectors } from './test/read-vectors.js';

/** What is answered: rule ids and values. */
type Outcome = Readonly<Record<string, unknown>>;

interface Vectors {
  readonly document: string;
  readonly usual: Outcome;
  readonly cases: readonly (readonly [from: string, to: string, outcome: Outcome | null])[];
}

const { document, usual, cases }: Vectors = readVectors('documents.json');

function change(from: string, to: string): string {
  const text = to.replace(/⟦(\d+)⟧/g, (_, depth) => '['.repeat(Number(depth)) + ']'.repeat(Number(depth)));
  if (from === '^{') return text + document.slice(1);
  return from === '}$' ? document.slice(0, -1) + text : document.replace(from, () => text);
}

/** Null: refused. */
function outcomeOf(text: string): Outcome | null {
  try {
    return answersOf(text);
  } catch (error) {
    if (error instanceof StatsigDocumentError) return null;
    throw error;
  }
}

function answersOf(text: string): Outcome {
  const { program } = compile(parseStatsigDocument(text).ruleset);
  const user = { userID: 'a' };
  const experiment = (name: string) => evaluateConfig(program, name, user, context, 'experiment');
  return {
    g: evaluateGate(program, 'g', user, context).ruleID,
    t: evaluateGate(program, 't', user, context).ruleID,
    e: shorten(experiment('e').value),
    cm: shorten(experiment('cm').value),
    f: experiment('f').ruleID,
  };
}

function shorten(value: unknown): unknown {
  return JSON.stringify(value).length > 200 ? 'deep' : value;
}

describe('odd documents', () => {
  it('are read, read in part or refused as the golden vectors say', () => {
    for (const [from, to, outcome] of cases) {
      const expected = outcome && { ...usual, ...outcome };
      assert.deepEqual(outcomeOf(change(from, to)), expected, `${from} → ${to}`);
    }
  });

  it('say the same after they were written and read again', () => {
    for (const [from, to, outcome] of cases) {
      if (outcome === null) continue;
      const { ruleset } = parseStatsigDocument(change(from, to));
      assert.deepEqual(answersOf(formatStatsigDocument(ruleset)), { ...usual, ...outcome }, `${from} → ${to}`);
    }
  });
});
