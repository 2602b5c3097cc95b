import assert from 'node:assert/strict';
import { readVectors } from './test/read-vectors.js';
import { parseUserAgent } from './user-agent.js';

type Row = readonly [agent: string, osName: string, osVersion: string, browserName: string, browserVersion: string];

describe('user agents', () => {
  it('are read as the golden vectors say', () => {
    for (const [text, ...expected] of readVectors<{ agents: readonly Row[] }>('agents.json').agents) {
      const agent = parseUserAgent(text);
      const { osName = '', osVersion = '', browserName = '', browserVersion = '' } = agent ?? {};
      assert.deepEqual([osName, osVersion, browserName, browserVersion], expected, text);
    }
  });
});
