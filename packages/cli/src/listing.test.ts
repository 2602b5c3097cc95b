import assert from 'node:assert/strict';
import { type EntitySummary, Section } from '@sluice/proto';
import type { Io } from './io.js';
import { listingReport } from './listing.js';
import { Session } from './session.js';
import { plainStyle } from './style.js';

const nowMs = Date.UTC(2026, 0, 2);
const context = {
  ...{ name: 'test', consul: '127.0.0.1:1', region: 'local', key: 'a-key' },
  ...{ project: 'shop', environment: 'test', file: undefined },
};
/** Only its context is looked at. */
const session = new Session({ env: {}, cwd: '/', isTerminal: false } as unknown as Io, context, 100);

const summary = (name: string, part: Partial<EntitySummary> = {}): EntitySummary => ({
  ref: { section: Section.GATE, name },
  ...{ entity: 'feature_gate', isEnabled: true, ruleCount: 2, rolloutPercentage: 12.5, version: 3 },
  ...{ changedInRevision: 9, changedAtMs: nowMs - 3 * 3_600_000, changedBy: 'root', isArchived: false },
  ...part,
});

const gates = { plural: 'gates', section: Section.GATE, entities: ['feature_gate'], isRolledOut: true };
const entities = [
  summary('checkout'),
  summary('b', { isEnabled: false, rolloutPercentage: undefined, ruleCount: 0, changedBy: '' }),
  summary('old', { isArchived: true }),
];

describe('a listing', () => {
  it('is a table with the revision below', () => {
    const { text } = listingReport(session, gates, { revision: 9, entities }, nowMs);
    assert.deepEqual(text(plainStyle).split('\n'), [
      'NAME      KIND          STATE     ROLLOUT  RULES  VERSION  LAST CHANGE',
      'checkout  feature_gate  on         12.5 %      2        3  3 h ago by root, revision 9',
      'b         feature_gate  off                    0        3  3 h ago, revision 9',
      'old       feature_gate  archived   12.5 %      2        3  3 h ago by root, revision 9',
      '',
      'shop/test at revision 9',
    ]);
  });

  it('has no rollout where that says nothing, and a sentence where nothing is', () => {
    const plain = { ...gates, isRolledOut: false };
    const { text } = listingReport(session, plain, { revision: 9, entities }, nowMs);
    assert.match(text(plainStyle), /^NAME +KIND +STATE +RULES +VERSION +LAST CHANGE\n/);
    const none = listingReport(session, plain, { revision: 9, entities: [] }, nowMs);
    assert.equal(none.text(plainStyle), 'no gates in shop/test at revision 9');
  });

  it('is whole for programs', () => {
    const { document } = listingReport(session, gates, { revision: 9, entities }, nowMs);
    const [first, second] = document.gates as Record<string, unknown>[];
    assert.deepEqual(first, {
      ...{ name: 'checkout', entity: 'feature_gate', isEnabled: true, ruleCount: 2, rolloutPercentage: 12.5 },
      ...{ version: 3, changedInRevision: 9, changedAt: '2026-01-01T21:00:00.000Z', changedBy: 'root' },
      isArchived: false,
    });
    assert.equal(second?.rolloutPercentage, null);
    assert.deepEqual([document.project, document.environment, document.revision], ['shop', 'test', 9]);
  });
});
