import assert from 'node:assert/strict';
import { readRegions } from './regions.js';

describe('regions', () => {
  it('are one unless said', () => {
    assert.deepEqual(readRegions('local', {}), { own: 'local', home: 'local', all: ['local'] });
  });

  it('are read from the environment', () => {
    const env = { SLUICE_REGIONS: 'us,eu', SLUICE_HOME_REGION: 'us' };
    assert.deepEqual(readRegions('eu', env), { own: 'eu', home: 'us', all: ['us', 'eu'] });
  });

  it('are refused by the variable when they are no names', () => {
    assert.throws(() => readRegions('us', { SLUICE_REGIONS: 'us,,eu' }), /SLUICE_REGIONS.*commas between/);
  });
});
