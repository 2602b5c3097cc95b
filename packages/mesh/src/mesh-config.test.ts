import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './env.js';
import { readMeshConfig } from './mesh-config.js';
import { defaultLimits } from './server-limits.js';
import { version } from './version.js';

describe('readMeshConfig', () => {
  let folder = '';
  let least: Record<string, string> = {};

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-mesh-config-'));
    writeFileSync(join(folder, 'key'), 'the secret\n');
    writeFileSync(join(folder, 'empty'), ' \n');
    least = { EVALUATION_GRPC_ADDR: '127.0.0.1:0', MESH_KEY_FILE: join(folder, 'key') };
  });

  after(() => rmSync(folder, { recursive: true }));

  const messageOf = (env: Record<string, string>): string => {
    try {
      readMeshConfig('evaluation', env);
    } catch (error) {
      assert(error instanceof ConfigError);
      return error.message;
    }
    throw new Error('the environment was accepted');
  };

  it('needs an address and a key, and has defaults for the rest', () => {
    assert.deepEqual(readMeshConfig('evaluation', least), {
      identity: { service: 'evaluation', instance: `evaluation-${hostname()}`, region: 'local', version },
      grpcAddr: { host: '127.0.0.1', port: 0 },
      consulAddr: undefined,
      meshKey: 'the secret',
      logLevel: 'info',
      metricsAddr: undefined,
      limits: defaultLimits,
    });
  });

  it('takes everything from the environment, and is frozen', () => {
    const config = readMeshConfig('evaluation', {
      ...least,
      EVALUATION_GRPC_ADDR: '::1:7440',
      SLUICE_REGION: 'eu',
      SLUICE_INSTANCE: 'evaluation-3',
      CONSUL_HTTP_ADDR: 'consul.internal:8500',
      LOG_LEVEL: 'debug',
    });
    assert.deepEqual(config.grpcAddr, { host: '::1', port: 7440 });
    assert.equal(config.identity.region, 'eu');
    assert.equal(config.identity.instance, 'evaluation-3');
    assert.equal(config.consulAddr, 'consul.internal:8500');
    assert.equal(config.logLevel, 'debug');
    assert(Object.isFrozen(config) && Object.isFrozen(config.identity));
  });

  it('takes an empty variable for an absent one', () => {
    const config = readMeshConfig('evaluation', { ...least, SLUICE_REGION: '', CONSUL_HTTP_ADDR: '', LOG_LEVEL: '' });
    assert.equal(config.identity.region, 'local');
    assert.equal(config.consulAddr, undefined);
    assert.match(messageOf({ ...least, EVALUATION_GRPC_ADDR: '' }), /EVALUATION_GRPC_ADDR is not set/);
  });

  it('listens where its own service is told to', () => {
    const env = { ...least, CONFIG_GRPC_ADDR: '127.0.0.1:7400' };
    assert.equal(readMeshConfig('config', env).grpcAddr.port, 7400);
    assert.throws(() => readMeshConfig('health', env), /HEALTH_GRPC_ADDR is not set/);
  });

  for (const [name, value, expected] of [
    ['EVALUATION_GRPC_ADDR', '7440', /EVALUATION_GRPC_ADDR is "7440": it must be host:port/],
    ['EVALUATION_GRPC_ADDR', '127.0.0.1:65536', /EVALUATION_GRPC_ADDR is .*host:port/],
    ['EVALUATION_GRPC_ADDR', ':7440', /EVALUATION_GRPC_ADDR is .*host:port/],
    ['CONSUL_HTTP_ADDR', 'localhost', /CONSUL_HTTP_ADDR is "localhost": it must be host:port/],
    ['LOG_LEVEL', 'loud', /LOG_LEVEL is "loud": it must be one of trace, debug, info/],
    ['MESH_KEY_FILE', '/nowhere/at/all', /MESH_KEY_FILE is "\/nowhere\/at\/all": the file can't be read/],
  ] as const) {
    it(`refuses ${name}=${value}`, () => {
      assert.match(messageOf({ ...least, [name]: value }), expected);
    });
  }

  it('refuses a key file without a key, and does not print keys', () => {
    assert.match(messageOf({ ...least, MESH_KEY_FILE: join(folder, 'empty') }), /the file is empty/);
    assert.doesNotMatch(messageOf({ ...least, LOG_LEVEL: 'loud' }), /the secret/);
  });

  it('tells several problems at once, a sentence each', () => {
    const lines = messageOf({ ...least, LOG_LEVEL: 'loud', CONSUL_HTTP_ADDR: 'x', MESH_KEY_FILE: '' }).split('\n');
    assert.deepEqual(lines.map((line) => line.split(' ')[0]).sort(), [
      'CONSUL_HTTP_ADDR',
      'LOG_LEVEL',
      'MESH_KEY_FILE',
    ]);
  });
});
