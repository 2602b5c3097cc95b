import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { idListKey } from '@sluice/engine';
import type { Io } from '../io.js';
import { runCli } from '../run.js';
import { readLines } from './lines.js';
import { LineError, readUserLine } from './user.js';

const rule = (id: string, conditions: string[], returnValue: string): string =>
  `{"id":"${id}","name":"${id}","passPercentage":100,"conditions":${JSON.stringify(conditions)},"returnValue":${returnValue},"idType":"userID"}`;
const spec = (entity: string, defaultValue: string, rules: string[]): string =>
  `{"type":"x","entity":"${entity}","salt":"s","enabled":true,"defaultValue":${defaultValue},"rules":[${rules}],"idType":"userID"}`;

const document = `{"has_updates":true,"time":1,"default_environment":"staging","experiment_to_layer":{},
  "condition_map":{
    "tier":{"type":"environment_field","operator":"any","field":"tier","targetValue":["staging"],"idType":"userID"},
    "listed":{"type":"unit_id","operator":"in_segment_list","targetValue":"beta/users","idType":"userID"},
    "german":{"type":"ip_based","operator":"any","field":"country","targetValue":["US"],"idType":"userID"},
    "late":{"type":"current_time","operator":"after","targetValue":1700000000000,"idType":"userID"}},
  "feature_gates":{
    "tier":${spec('feature_gate', 'false', [rule('r1', ['tier'], 'true')])},
    "listed":${spec('segment', 'false', [rule('r2', ['listed'], 'true')])},
    "american":${spec('feature_gate', 'false', [rule('r3', ['german'], 'true')])},
    "late":${spec('holdout', 'false', [rule('r4', ['late'], 'true')])}},
  "dynamic_configs":{"c":${spec('dynamic_config', '{"n":1.0,"big":12345678901234567890,"e":1e2}', [])},
    "x":${spec('experiment', '{}', [])}},
  "layer_configs":{"l":${spec('layer', '{"a":1}', [])}}}`;

type Line = Record<'gates' | 'configs' | 'layers', Record<string, Record<string, unknown>>>;

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly lines: Line[];
}

async function evaluate(
  users: string,
  args: string[] = [],
  files: Record<string, string | undefined> = {},
): Promise<Result> {
  let [out, err] = ['', ''];
  const all: Record<string, string | undefined> = { 'specs.json': document, 'users.ndjson': users, ...files };
  const read = (path: string): Buffer => {
    const text = all[path];
    if (text === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
    return Buffer.from(text);
  };
  const io: Io = {
    env: {},
    cwd: '/',
    isTerminal: false,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    read: async (path) => read(path),
    // In small pieces, so that lines are cut everywhere.
    stream: (path) =>
      Readable.from(
        read(path)
          .toString('latin1')
          .match(/[\s\S]{1,7}/g) ?? [],
      ).map((text) => Buffer.from(text, 'latin1')),
    write: () => assert.fail('nothing is written'),
    list: (folder) =>
      Object.keys(all)
        .filter((name) => name.startsWith(`${folder}/`))
        .map((name) => name.slice(folder.length + 1)),
  };
  const code = await runCli(['statsig', 'eval', '--specs', 'specs.json', '--users', 'users.ndjson', ...args], io);
  const lines = out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  return { code, out, err, lines };
}

describe('sluice statsig eval', () => {
  it('prints every entity for each user, with values as they are spelled', async () => {
    const { code, lines, out } = await evaluate('{"userID":"a"}\r\n{"userID":"b"}');
    assert.deepEqual([code, lines.length], [0, 2]);
    const [first] = lines;
    assert.deepEqual(Object.keys(first?.gates ?? {}), ['tier', 'listed', 'american', 'late']);
    assert.deepEqual(first?.gates.tier, { value: true, ruleID: 'r1', idType: 'userID', secondaryExposures: [] });
    assert.match(
      out,
      /"c":\{"value":\{"n":1\.0,"big":12345678901234567890,"e":1e2\},"ruleID":"default","groupName":null,/,
    );
    assert.deepEqual(first?.layers.l, {
      ...{ value: { a: 1 }, ruleID: 'default', groupName: null, idType: 'userID', allocatedExperiment: null },
      ...{ secondaryExposures: [], undelegatedSecondaryExposures: null },
    });
  });

  it('takes the environment, the time, id lists and countries into account', async () => {
    const users = '{"userID":"ü","ip":"8.8.8.8"}\n';
    const lists = { 'lists/beta%2Fusers.txt': `+zzzzzzzz\r\n+${idListKey('ü')}\r\n-zzzzzzzz\r\n` };
    const gatesOf = ({ lines }: Result) => Object.entries(lines[0]?.gates ?? {}).filter(([, { value }]) => value);
    const names = (result: Result): string[] => gatesOf(result).map(([name]) => name);
    assert.deepEqual(names(await evaluate(users, ['--now', '1600000000000'])), ['tier', 'american']);
    const more = ['--now', '1800000000000', '--environment', 'production', '--id-lists', 'lists'];
    assert.deepEqual(names(await evaluate(users, more, lists)), ['listed', 'american', 'late']);
  });

  it('leaves out id lists that lead to no file', async () => {
    const lists = { 'lists/beta%2Fusers': `+${idListKey('u')}\n`, 'lists/broken': undefined };
    const { code, err, lines } = await evaluate('{"userID":"u"}', ['--id-lists', 'lists'], lists);
    assert.deepEqual([code, lines[0]?.gates.listed?.value], [0, true]);
    assert.equal(err, 'warning: --id-lists: lists/broken leads to no file (ENOENT); it is left out\n');
  });

  it('reports bad lines by number, prints the others, and exits with 2', async () => {
    const { code, lines, err } = await evaluate('{"userID":"a"}\nnope\n\n{"userID":5}\n{"userID":"b"}\n');
    assert.deepEqual([code, lines.length], [2, 2]);
    assert.match(err, /^error: users\.ndjson:2: is not JSON.*\nerror: users\.ndjson:4: userID: must be a string\n$/);
  });

  it('says what is wrong with its files', async () => {
    const bad = await evaluate('', [], { 'specs.json': '{"has_updates":false}' });
    assert.equal(bad.code, 2);
    assert.match(bad.err, /error: --specs: has_updates: is false/);
    const none = await evaluate('', ['--users', 'none.ndjson']);
    assert.deepEqual([none.code, /--users: none\.ndjson can't be read \(ENOENT\)/.test(none.err)], [2, true]);
  });
});

describe('lines', () => {
  it('are cut at LF, wherever the pieces end', async () => {
    const pieces = ['a\nb', 'c', '', '\n', '\nd'].map((text) => Buffer.from(text));
    const lines: string[] = [];
    for await (const { number, bytes } of readLines(Readable.from(pieces)))
      lines.push(`${number}:${Buffer.from(bytes)}`);
    assert.deepEqual(lines, ['1:a', '2:bc', '3:', '4:d']);
  });

  it('hold users as the reference takes them', () => {
    const user = (text: string) => readUserLine(Buffer.from(text));
    assert.equal(user('  \r'), undefined);
    assert.equal(user('{"email":"e"}')?.userID, '');
    assert.deepEqual(user('{"customIDs":{"c":7,"d":null},"userID":null,"unknown":1}')?.customIDs, { c: 7 });
    for (const text of ['[]', '5', '{"custom":[]}', '{"customIDs":{"c":true}}', '{"statsigEnvironment":{"tier":1}}']) {
      assert.throws(() => user(text), LineError);
    }
    assert.throws(() => readUserLine(Buffer.from([0x22, 0xff, 0x22])), LineError);
  });
});
