import assert from 'node:assert/strict';
import { formatStatsigDocument } from '@sluice/engine';
import { exportedRuleset } from './export.js';
import { rulesetFromEntities } from './ruleset.js';

const stateHash = Buffer.alloc(32, 7);

describe('an exported ruleset', () => {
  const held = rulesetFromEntities([
    { name: 'time', version: 1, body: { $case: 'settingJson', value: '1000' } },
    { name: 'checksum', version: 1, body: { $case: 'settingJson', value: '"of the import"' } },
    { name: 'company_id', version: 1, body: { $case: 'settingJson', value: '"c"' } },
  ]);

  it('has the time of the revision, and the checksum of its content', () => {
    const document = JSON.parse(formatStatsigDocument(exportedRuleset(held, { stateHash, committedAtMs: 2000 })));
    assert.deepEqual([document.time, document.checksum, document.company_id], [2000, '07'.repeat(32), 'c']);
  });

  it('never has an earlier time than what was imported', () => {
    assert.equal(exportedRuleset(held, { stateHash, committedAtMs: 500 }).time, 1000);
    assert.equal(held.settings.get('checksum'), '"of the import"');
  });
});
