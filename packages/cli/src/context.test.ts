import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveContext } from './context.js';

describe('the context', () => {
  let root: string;
  let deep: string;

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'sluice-context-'));
    deep = join(root, 'a', 'b');
    mkdirSync(deep, { recursive: true });
    mkdirSync(join(root, '.sluice'));
    writeFileSync(join(root, '.sluice', 'secret'), 'from-file\n');
    write('context.json', {
      name: 'local',
      consul: '127.0.0.1:8500',
      region: 'us',
      keyFile: 'secret',
      project: 'shop',
      environment: 'production',
    });
  });

  after(() => rmSync(root, { recursive: true }));

  function write(name: string, content: unknown): string {
    const path = join(root, '.sluice', name);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  it('is found upwards from the working folder', () => {
    const { file, ...context } = resolveContext({}, {}, deep);
    assert.equal(file, join(root, '.sluice', 'context.json'));
    assert.deepEqual(context, {
      name: 'local',
      consul: '127.0.0.1:8500',
      region: 'us',
      key: 'from-file',
      project: 'shop',
      environment: 'production',
    });
  });

  it('gives way to variables, and those to flags', () => {
    const env = {
      SLUICE_CONSUL: 'consul:1',
      SLUICE_KEY: 'k',
      SLUICE_PROJECT: 'p',
      SLUICE_ENVIRONMENT: 'e',
      SLUICE_REGION: 'eu',
    };
    const context = resolveContext({ project: 'flag' }, env, deep);
    assert.deepEqual(
      [context.consul, context.key, context.project, context.environment, context.region],
      ['consul:1', 'k', 'flag', 'e', 'eu'],
    );
  });

  it('does without a file', () => {
    const context = resolveContext({}, { SLUICE_CONSUL: 'consul:1', SLUICE_KEY: 'k' }, tmpdir());
    assert.deepEqual([context.name, context.region, context.project], ['environment', 'local', undefined]);
  });

  it('takes the file that is named, by flag or variable', () => {
    const other = write('other.json', { consul: 'other:1', keyFile: 'secret' });
    assert.equal(resolveContext({ context: other }, { SLUICE_CONTEXT: 'nowhere' }, tmpdir()).consul, 'other:1');
    assert.equal(resolveContext({}, { SLUICE_CONTEXT: other }, tmpdir()).consul, 'other:1');
  });

  it('says what is missing or wrong, and what to do', () => {
    const refuse = (flags: object, env: NodeJS.ProcessEnv, expected: RegExp): void =>
      assert.throws(() => resolveContext(flags, env, tmpdir()), expected);
    refuse({}, {}, /^SluiceError: context: no mesh is known here; run `make up`/);
    refuse({}, { SLUICE_CONSUL: 'http://x:1' }, /SLUICE_CONSUL: must be host:port/);
    refuse({}, { SLUICE_CONSUL: 'x:1' }, /key: there is no SDK key; set SLUICE_KEY_FILE/);
    refuse(
      {},
      { SLUICE_CONSUL: 'x:1', SLUICE_KEY_FILE: '/nowhere' },
      /SLUICE_KEY_FILE: \/nowhere can't be read \(ENOENT\)/,
    );
    refuse({}, { SLUICE_CONSUL: 'x:1', SLUICE_KEY: 'two words' }, /SLUICE_KEY: is not an SDK key/);
    refuse({ context: '/nowhere.json' }, {}, /context: \/nowhere\.json can't be read \(ENOENT\)/);
    refuse({ context: write('bad.json', '{') }, {}, /bad\.json is not JSON/);
    refuse({ context: write('odd.json', { consul: 5 }) }, {}, /odd\.json: consul: /);
  });
});
