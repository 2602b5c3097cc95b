import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@sluice/mesh';
import { readEvaluationConfig } from './config.js';

describe('the environment of evaluation', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  const file = join(directory, 'mesh.key');
  writeFileSync(file, 'secret\n');
  after(() => rmSync(directory, { recursive: true }));

  const env = {
    MESH_KEY_FILE: file,
    EVALUATION_GRPC_ADDR: '127.0.0.1:0',
    NATS_URL: 'nats://127.0.0.1:4222',
    SLUICE_STATE_DIR: directory,
  };

  it('has defaults for what may be left out', () => {
    const config = readEvaluationConfig(env);
    assert.equal(config.staleAfterMs, 60_000);
    assert.equal(config.configTarget, 'consul:///config');
    assert.equal(config.consulAddr, undefined);
  });

  it('is refused with a sentence for each problem', () => {
    assert.throws(
      () => readEvaluationConfig({ ...env, NATS_URL: '', EVALUATION_STALE_AFTER_MS: 'soon' }),
      (error) =>
        error instanceof ConfigError && /NATS_URL is not set/.test(error.message) && /STALE/.test(error.message),
    );
  });
});
