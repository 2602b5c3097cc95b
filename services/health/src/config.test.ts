import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readHealthConfig } from './config.js';
import { objectives } from './objectives.js';
import { readersMax } from './status-page.js';

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

  it('is documented with its defaults', () => {
    const page = readFileSync(new URL('../../../docs/health.md', import.meta.url), 'utf8');
    const { probeEveryMs, probeTimeoutMs, goneKeptMs, crashedKeptMs, canarySet } = readHealthConfig(env);
    const defaults: Record<string, string> = {
      PROBE_EVERY_MS: probeEveryMs.toLocaleString('en'),
      PROBE_TIMEOUT_MS: probeTimeoutMs.toLocaleString('en'),
      GONE_KEPT_MS: goneKeptMs.toLocaleString('en'),
      CRASHED_KEPT_MS: crashedKeptMs.toLocaleString('en'),
      HEALTH_CANARY_SET: `\`${canarySet?.project}/${canarySet?.environment}\``,
    };
    for (const [name, value] of Object.entries(defaults)) {
      const [, , shown] = page.match(new RegExp(`^\\| \`(${name})\` *\\| (\\S+) *\\|`, 'm')) ?? [];
      assert.equal(shown, value, name);
    }
    for (const { name, objective, description } of objectives) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
      assert(row.includes(description) && row.includes(`${Number((objective * 100).toFixed(2))} %`), name);
    }
    assert(page.includes(`${readersMax} readers`));
  });
});
