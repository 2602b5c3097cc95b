import assert from 'node:assert/strict';
import { AuthoringError, UserError } from '@sluice/codec';
import { conflict, forbidden, invalid, notFound, preconditionFailed, SluiceError, unavailable } from '@sluice/mesh';
import { exitCodeOf } from './exit-code.js';
import { failureLines } from './failure.js';
import type { Io } from './io.js';
import { createProgram } from './program.js';
import { runCli } from './run.js';

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line where no mesh is up: nothing listens on that port. */
async function run(argv: string[], files: Record<string, string> = {}, env: NodeJS.ProcessEnv = {}): Promise<Result> {
  let out = '';
  let err = '';
  const io: Io = {
    env: {
      SLUICE_CONSUL: '127.0.0.1:1',
      SLUICE_KEY: 'a-key',
      SLUICE_PROJECT: 'shop',
      SLUICE_ENVIRONMENT: 'test',
      ...env,
    },
    cwd: '/',
    isTerminal: false,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    read: async (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
      return Buffer.from(text, 'latin1');
    },
    stream: async function* (path) {
      yield await io.read(path, Number.POSITIVE_INFINITY);
    },
    write: () => assert.fail('nothing is written here'),
    list: () => [],
  };
  const code = await runCli(argv, io);
  return { code, out, err };
}

describe('the command line', () => {
  it('refuses to play with a region that is not here, and says what to do', async () => {
    for (const deed of ['stop', 'start', 'partition', 'heal']) {
      const { code, err } = await run(['region', deed, 'nowhere']);
      assert.equal(code, exitCodeOf(preconditionFailed('region', '')));
      assert.match(err, /make up REGIONS=us,eu|There is no region "nowhere" here/, deed);
    }
  });

  it('shows help without arguments, with exit codes and variables', async () => {
    for (const argv of [[], ['--help'], ['help']]) {
      const { code, out } = await run(argv);
      assert.equal(code, 0);
      for (const word of [
        'import',
        'gates',
        'check',
        'exposures',
        'mesh',
        'SLUICE_KEY_FILE',
        '--json',
        'Exit codes:',
      ]) {
        assert.ok(out.includes(word), word);
      }
    }
  });

  it('documents the JSON of every command', () => {
    const io = { env: {}, cwd: '/', isTerminal: false } as unknown as Io;
    const { program } = createProgram(io);
    const leaves = program.commands.flatMap((command) => (command.commands.length > 0 ? command.commands : [command]));
    for (const command of leaves) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      assert.match(help, /JSON: \{|result(s)? as JSON/, command.name());
      assert.match(help, /--json/, command.name());
    }
  });

  const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
  const refused: [string[], RegExp][] = [
    [['gat'], /unknown command 'gat'\n\(Did you mean gate\?\)/],
    [['gate', 'sett', 'x'], /unknown command 'sett'\n\(Did you mean set\?\)/],
    [['check', 'g', '--usr', '{}'], /unknown option '--usr'\n\(Did you mean --user\?\)/],
    [['check'], /missing required argument 'gate'/],
    [['check', 'g'], /^error: --user: is missing; say for whom/],
    [['check', 'g', '--user', '{"userID":x}'], /^error: --user: is not JSON at position 10: expected a JSON value/],
    [['check', 'g', '--user', '[]'], /^error: --user: must be a JSON object/],
    [
      ['check', 'g', '--user', '{"userId":"a"}'],
      /^error: user\.userId: is not a field of users; did you mean userID\?/,
    ],
    [
      ['check', 'g', '--user', '{"customIDs":{"companyID":{}}}'],
      /^error: user\.customIDs\.companyID: must be a string or a number/,
    ],
    [['check', 'g', '--user', '@nowhere.json'], /^error: --user: nowhere\.json can't be read \(ENOENT\)/],
    [['check', 'g', '--user', '@latin.json'], /^error: --user: latin\.json is not UTF-8 text/],
    [['eval', '--user', '{}'], /^error: keys: name what to decide, or say --all/],
    [['eval', 'a', '--all', '--user', '{}'], /^error: --all: decides everything/],
    [['gate', 'set', 'g'], /^error: gate: nothing to change; say --rollout/],
    [['gate', 'set', 'g', '--rollout', '101'], /^error: --rollout: must be a number between 0 and 100, got "101"/],
    [['gate', 'set', 'g', '--on', '--off'], /^error: --on: goes not with --off/],
    [['gate', 'set', 'g', '--on', '--rule', 'r'], /^error: --rule: is for --rollout/],
    [['gate', 'set', 'g', '--on', '--expected-version', 'x'], /^error: --expected-version: must be a number/],
    [['log', 'e', '--user', '{}', '--metadata', '{'], /^error: --metadata: is not JSON at position 1/],
    [['log', 'e', '--user', '{}', '--metadata', '5'], /^error: --metadata: must be a JSON object/],
    [['gates', '--timeout', 'soon'], /^error: --timeout: must be a time between 1ms and 60m/],
    [['import', 'statsig', 'nowhere'], /^error: file: nowhere can't be read \(ENOENT\)/],
    [['import', 'statsig', 'list.json'], /^error: file: .*v2 download_config_specs document/],
    [['import', 'statsig', 'empty.json'], /^error: file: has_updates/],
    [['apply', 'bad.yaml'], /^error: gates\.g\.rules\[0\]\.percentage: must be between 0 and 100, got 101 \(line 2\)/],
    [['apply'], /^error: file: is missing; name one/],
    [['apply', 'two.yaml', '-f', 'two.yaml'], /^error: --file: is there twice; name one file/],
    [['apply', 'two.yaml', '-p', 'shop'], /^error: --project: goes with one project, and the file has p, q;/],
    [['apply', '-f', 'two.yaml', '--expected-revision', '1'], /^error: --expected-revision: goes with one project/],
    [['apply', '-f', 'nothing.yaml', '--merge'], /^error: file: names nothing of p; there is nothing to merge/],
    [['apply', '-f', 'many.yaml', '--merge'], /^error: file: has 1001 entities of p, .* split the file/],
    [['apply', 'long.yaml'], /^error: the document has 1000002 lines; at most 250000 are allowed/],
    [['apply', 'deep.json'], /^error: the document is nested deeper than 32 levels/],
    [['config', 'create', 'c', '-f', 'deep.json'], /^error: --file: the document is nested deeper than 32 levels/],
    [['config', 'create', 'c', '--default', deep], /^error: c: the document is nested deeper than 32 levels/],
    [['gate', 'create', 'g', '--when', deep], /^error: g: the document is nested deeper than 32 levels/],
    [['check', 'g', '--user', '@deep.json'], /^error: user\.a: is not a field of users/],
    [['check', 'g', '--user', `{"custom":${deep}}`], /^error: user\.custom\.a: /],
    [['import', 'statsig', 'deep.json'], /^error: file: has_updates: is required; this must be a v2 /],
    [['gate', 'show', 'g', '--at-revision', '0'], /^error: --at-revision: must be a number between 1 and/],
    [['events', 'tail', '--for', 'long'], /^error: --for: must be a time between 1ms and 60m/],
    [['key', 'create', '--class', 'admin'], /'admin' is invalid/],
  ];
  const files = {
    'long.yaml': `project: p\n${'#\n'.repeat(1_000_000)}`,
    'deep.json': `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`,
    'latin.json': '{"userID":"\u00e9"}',
    'list.json': '[]',
    'empty.json': '{}',
    'two.yaml': 'project: p\n---\nproject: q\n',
    'nothing.yaml': 'project: p\n',
    'many.yaml': `project: p\ngates:\n${Array.from({ length: 1001 }, (_, at) => `  g${at}: {}\n`).join('')}`,
    'bad.yaml': 'project: p\ngates: {g: {rules: [{name: r, percentage: 101}]}}',
  };
  for (const [argv, expected] of refused) {
    it(`refuses ${argv.join(' ').slice(0, 80)}`, async () => {
      const { code, out, err } = await run(argv, files);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, expected);
    });
  }

  it('takes options before and after the command', async () => {
    const document = 'project: shop\ngates: {g: {}}\n';
    for (const argv of [
      ['--json', '-e', 'qa', 'apply', '-', '--dry-run'],
      ['apply', '-', '--dry-run', '-e', 'qa', '--json'],
    ]) {
      const { code, out } = await run(argv, { '-': document });
      assert.equal(code, 0);
      const expected = { project: 'shop', environment: 'qa', isDryRun: true, isAsked: false, counts: { gate: 1 } };
      assert.deepEqual(JSON.parse(out), expected);
    }
  });

  it('says that config could not be asked whether it would take a file', async () => {
    const { code, out } = await run(['apply', 'one.yaml', '--dry-run'], { 'one.yaml': 'project: p\ngates: {g: {}}' });
    assert.equal(code, 0);
    assert.match(
      out,
      /^p\/test {2}valid by itself: 1 gate; nothing was changed\n {2}not checked by config, .*: config/,
    );
  });

  it('checks every project of a file', async () => {
    const { code, out } = await run(['apply', '-f', 'two.yaml', '--dry-run', '--json'], files);
    assert.equal(code, 0);
    const { sets } = JSON.parse(out) as { sets: { project: string; isDryRun: boolean }[] };
    assert.deepEqual(
      sets.map(({ project, isDryRun }) => [project, isDryRun]),
      [
        ['p', true],
        ['q', true],
      ],
    );
  });

  it('names what it talks to, and never the key', async () => {
    const { code, out } = await run(['context', '--json']);
    assert.equal(code, 0);
    assert.ok(!out.includes('a-key'));
    assert.equal(JSON.parse(out).consul, '127.0.0.1:1');
  });

  it('says that nobody answers, with a hint, and ends within its deadline', async () => {
    const startedMs = Date.now();
    const { code, err, out } = await run(['gates', '--timeout', '500ms', '--json']);
    assert.deepEqual([code, out], [6, '']);
    assert.match(err, /^error: (unavailable|deadline): /);
    assert.ok(Date.now() - startedMs < 10_000);
  });

  it('asks for the project and environment where it must not guess', async () => {
    const { code, err } = await run(['gate', 'set', 'g', '--on'], {}, { SLUICE_PROJECT: '', SLUICE_ENVIRONMENT: '' });
    assert.equal(code, 2);
    assert.match(err, /^error: --project: is missing/);
  });
});

describe('exit codes', () => {
  const cases: [unknown, number][] = [
    [invalid('a', 'b'), 2],
    [new AuthoringError([]), 2],
    [new UserError('user', 'x'), 2],
    [notFound('a', 'b'), 3],
    [forbidden('b'), 4],
    [conflict('a', 'b'), 5],
    [preconditionFailed('a', 'b'), 5],
    [unavailable('b'), 6],
    [new SluiceError('deadline', 'b'), 6],
    [new SluiceError('internal', 'b'), 1],
    [new TypeError('b'), 1],
  ];
  for (const [error, expected] of cases) {
    it(`${String(error)} is ${expected}`, () => assert.equal(exitCodeOf(error), expected));
  }

  it('lines name every field', () => {
    const error = new SluiceError('invalid', 'a: is wrong\nb: too', { problems: [] });
    assert.deepEqual(failureLines(error, false), ['error: a: is wrong', 'error: b: too']);
    assert.match(failureLines(forbidden('No.'), false)[0] ?? '', /^error: key: No\.$/);
    assert.match(failureLines(new TypeError('oh'), false)[0] ?? '', /^error: unexpected: oh/);
  });
});
