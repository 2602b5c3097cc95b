import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readHealthConfig } from './config.js';

describe('the config of health', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-health-'));
    const MESH_KEY_FILE = join(folder, 'mesh.key');
    writeFileSync(MESH_KEY_FILE, 'a-key\n');
    env = {
      HEALTH_GRPC_ADDR: '127.0.0.1:0',
      CONSUL_HTTP_ADDR: '127.0.0.1:8500',
      NATS_URL: 'nats://127.0.0.1:4222',
      SLUICE_STATE_DIR: folder,
      MESH_KEY_FILE,
    };
  });

  after(() => rmSync(folder, { recursive: true }));

  it('is read from the environment', () => {
    const config = readHealthConfig({ ...env, GONE_KEPT_MS: '5' });
    assert.deepEqual([config.consulAddr, config.probeEveryMs, config.goneKeptMs], ['127.0.0.1:8500', 1_000, 5]);
  });

  it('needs Consul, and says so', () => {
    assert.throws(() => readHealthConfig({ ...env, CONSUL_HTTP_ADDR: '' }), /CONSUL_HTTP_ADDR is not set\./);
    assert.throws(
      () => readHealthConfig({ ...env, PROBE_EVERY_MS: '1' }),
      /PROBE_EVERY_MS is "1": it must be at least 50/,
    );
  });
});
