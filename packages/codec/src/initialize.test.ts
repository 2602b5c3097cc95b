import assert from 'node:assert/strict';
import type { InitializeOptions } from '@sluice/engine';
import { InitializeClientRequest } from '@sluice/proto';
import { initializeFromWire, initializeToWire } from './initialize.js';

const overTheWire = (options: InitializeOptions): InitializeOptions =>
  initializeFromWire(
    InitializeClientRequest.decode(InitializeClientRequest.encode(initializeToWire(options)).finish()),
  );

describe('what is asked of a client document', () => {
  it('comes out of the wire as it went in', () => {
    const asked: InitializeOptions = {
      format: 2,
      hashAlgorithm: 'sha256',
      clientSdkKey: 'client-key',
      removeIdType: true,
      removeDefaultValueGates: true,
      keep: { gates: new Set(['a', 'b']), layers: new Set() },
      previousResponseHash: '',
      sdkInfo: { sdkType: 'web' },
    };
    assert.deepEqual(overTheWire(asked), asked);
  });

  it('is the usual where nothing is said', () => {
    const usual = { format: 0, hashAlgorithm: 'djb2', removeIdType: false, removeDefaultValueGates: false } as const;
    assert.deepEqual(overTheWire({}), { ...usual, keep: {}, sdkInfo: {} });
    assert.deepEqual(initializeFromWire(InitializeClientRequest.create()), { ...usual, keep: {}, sdkInfo: {} });
  });

  it('is refused, by field, where nobody can write it', () => {
    assert.throws(
      () => initializeFromWire(InitializeClientRequest.create({ format: 3 })),
      /^InitializeError: format: is 3/,
    );
    const hashAlgorithm = 9 as never;
    assert.throws(() => initializeFromWire(InitializeClientRequest.create({ hashAlgorithm })), /hash_algorithm: is 9/);
  });
});
