import assert from 'node:assert/strict';
import { compile } from './compile.js';
import { referenceReason } from './decision.js';
import { context } from './ruleset-fixture.js';
import { parseStatsigDocument } from './statsig-document.js';
import {
  evaluateStickyExperiment,
  evaluateStickyLayer,
  type StickyAction,
  type StickyOptions,
  type StickyValue,
} from './sticky.js';
import { readVectors } from './test/read-vectors.js';
import type { User } from './user.js';

interface Expected {
  readonly ruleID: string;
  readonly groupName: string | null;
  readonly reason: string;
  readonly value: unknown;
  readonly action: string;
  readonly saved?: StickyValue;
}

interface Vectors {
  readonly specs: unknown;
  readonly users: readonly User[];
  readonly stored: Readonly<Record<string, StickyValue>>;
  readonly cases: readonly (readonly [
    kind: 'experiment' | 'layer',
    name: string,
    user: number,
    stored: string,
    flags: string,
    expected: Expected,
  ])[];
}

const { specs, users, stored, cases }: Vectors = readVectors('sticky.json');
const { program } = compile(parseStatsigDocument(JSON.stringify(specs)).ruleset);

function optionsOf(name: string, key: string, flags: string): StickyOptions {
  const value = stored[key];
  return {
    hasStorage: true,
    userPersistedValues: key === 'unloaded' ? undefined : value === undefined ? {} : { [name]: value },
    enforceTargeting: flags.includes('T'),
    enforceOverrides: flags.includes('O'),
  };
}

function describeAction(action: StickyAction): Pick<Expected, 'action' | 'saved'> {
  if (action.kind === 'none') return { action: 'none' };
  const text = `${action.kind} ${action.key} ${action.name}`;
  return action.kind === 'save' ? { action: text, saved: action.value } : { action: text };
}

describe('sticky assignment by the golden vectors', () => {
  for (const kind of ['experiment', 'layer'] as const) {
    it(`answers ${kind}s, saves and deletes as the reference`, () => {
      const evaluate = kind === 'experiment' ? evaluateStickyExperiment : evaluateStickyLayer;
      for (const [, name, user, key, flags, expected] of cases.filter((one) => one[0] === kind)) {
        const { decision, action } = evaluate(program, name, users[user] ?? {}, context, optionsOf(name, key, flags));
        const { ruleID, groupName, value } = decision;
        const reason = referenceReason(decision.reason, 'Network');
        const actual = { ruleID, groupName, reason, value, ...describeAction(action) };
        assert.deepEqual(JSON.parse(JSON.stringify(actual)), expected, `${name}, user ${user}, ${key} ${flags}`);
      }
    });
  }
});
