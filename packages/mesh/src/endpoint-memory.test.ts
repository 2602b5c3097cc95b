import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EndpointMemory } from './endpoint-memory.js';

const everywhere = {
  home: [{ id: 'evaluation-1', address: '127.0.0.1:7440', region: 'us' }],
  away: [{ id: 'evaluation-2', address: '127.0.0.2:7440', region: 'eu' }],
};

describe('endpoint memory', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-endpoints-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('hands on to the next process', () => {
    new EndpointMemory(join(directory, 'deep'), 'evaluation').write(everywhere);
    assert.deepEqual(new EndpointMemory(join(directory, 'deep'), 'evaluation').read(), everywhere);
    assert.equal(new EndpointMemory(directory, 'ingestion').read(), undefined);
  });

  it('holds nothing rather than nonsense', () => {
    for (const text of ['', '{', '[]', '{"home":[{"id":1}],"away":[]}']) {
      writeFileSync(join(directory, 'evaluation.json'), text);
      assert.equal(new EndpointMemory(directory, 'evaluation').read(), undefined, text);
    }
  });

  it('is shared by processes that write at the same time', () => {
    // A draft of another process, half written: it is not ours to touch.
    writeFileSync(join(directory, 'evaluation.json.new'), '{');
    new EndpointMemory(directory, 'evaluation').write(everywhere);
    assert.deepEqual(new EndpointMemory(directory, 'evaluation').read(), everywhere);
    assert.deepEqual(readdirSync(directory).sort(), ['evaluation.json', 'evaluation.json.new']);
  });

  it('does without a disk', () => {
    writeFileSync(join(directory, 'file'), '');
    const memory = new EndpointMemory(join(directory, 'file'), 'evaluation');
    memory.write(everywhere);
    assert.equal(memory.read(), undefined);
  });
});
