import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { ConfigError, readEnv } from './env.js';
import { defaultLimits, limitShape, limitsOf, limitVariables } from './server-limits.js';

const read = (env: Record<string, string>) => limitsOf(readEnv(limitShape, env));

describe('the limits of a server', () => {
  it('are the defaults when nothing is said', () => assert.deepEqual(read({}), defaultLimits));

  it('come from their variables, each from its own', () => {
    const env = Object.fromEntries(Object.values(limitVariables).map(([variable], at) => [variable, String(at)]));
    assert.deepEqual(
      Object.values(read(env)),
      Object.values(limitVariables).map((_, at) => at),
    );
  });

  it('are refused when they make no sense, all at once', () => {
    assert.throws(
      () => read({ SERVER_CONNECTIONS_MAX: '-1', SERVER_QUEUE_MAX: 'many' }),
      (error) =>
        error instanceof ConfigError &&
        /SERVER_CONNECTIONS_MAX/.test(error.message) &&
        /SERVER_QUEUE_MAX/.test(error.message),
    );
  });

  it('are all written down, with the defaults that they have', () => {
    const page = readFileSync(new URL('../../../docs/servers.md', import.meta.url), 'utf8');
    for (const [variable, preset] of Object.values(limitVariables)) {
      const row = page.split('\n').find((line) => line.includes(`\`${variable}\``));
      assert.equal(row?.split('|')[2]?.trim(), preset.toLocaleString('en'), `docs/servers.md on ${variable}: ${row}`);
    }
  });
});
