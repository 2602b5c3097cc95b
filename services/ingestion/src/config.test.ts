import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readIngestionConfig } from './config.js';

describe('readIngestionConfig', () => {
  let folder: string;
  let env: Record<string, string>;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-ingestion-'));
    const keyFile = join(folder, 'mesh.key');
    writeFileSync(keyFile, 'secret\n');
    env = {
      INGESTION_GRPC_ADDR: '127.0.0.1:0',
      MESH_KEY_FILE: keyFile,
      INGESTION_DATABASE_URL: 'postgres://localhost/sluice',
      NATS_URL: 'nats://127.0.0.1:4222',
      SLUICE_STATE_DIR: folder,
    };
  });

  after(() => rmSync(folder, { recursive: true }));

  it('has defaults for everything that may have one', () => {
    const config = readIngestionConfig(env);
    assert.equal(config.eventsBytesMax, 4 * 1024 ** 3);
    assert.equal(config.configTarget, 'consul:///config');
    assert.equal(config.identity.service, 'ingestion');
  });

  it('names every variable that is missing or wrong', () => {
    const { NATS_URL: _, SLUICE_STATE_DIR: __, ...rest } = env;
    assert.throws(
      () => readIngestionConfig({ ...rest, LOG_TIMEOUT_MS: '1' }),
      /NATS_URL is not set\.\nSLUICE_STATE_DIR is not set\.\nLOG_TIMEOUT_MS is "1": it must be at least 50\./,
    );
  });
});
