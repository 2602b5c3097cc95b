import assert from 'node:assert/strict';
import { z } from 'zod';
import { address, ConfigError, integer, readEnv, secretFile } from './env.js';

describe('readEnv', () => {
  it('reads typed settings', () => {
    const settings = readEnv(
      {
        ADDR: address(),
        COUNT: integer(1, 9).default(3),
        NAME: z.string().optional(),
      },
      { ADDR: '127.0.0.1:7400', NAME: '' },
    );
    assert.deepEqual(settings, {
      ADDR: { host: '127.0.0.1', port: 7400 },
      COUNT: 3,
    });
  });

  it('reports every problem at once, each as a sentence with the variable', () => {
    const read = () =>
      readEnv(
        {
          ADDR: address(),
          COUNT: integer(1, 9),
          KEY: secretFile(),
          GONE: z.string(),
        },
        {
          ADDR: 'nowhere',
          COUNT: '10',
          KEY: '/does/not/exist',
        },
      );
    assert.throws(read, (error) => {
      assert(error instanceof ConfigError);
      const lines = error.message.split('\n');
      assert.equal(lines.length, 4);
      assert.match(error.message, /ADDR is "nowhere": it must be host:port/);
      assert.match(error.message, /COUNT is "10": it must be at most 9/);
      assert.match(error.message, /KEY is .*can't be read/);
      assert.match(error.message, /GONE is not set\./);
      return true;
    });
  });
});
