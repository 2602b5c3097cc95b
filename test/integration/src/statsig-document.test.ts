/** Documents that go through us, offline: what the reference says of them must not change, nor differ from us. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { entitiesFromRuleset, exportedRuleset, hashEntities, rulesetFromEntities } from '@sluice/codec';
import { formatStatsigDocument, parseStatsigDocument } from '@sluice/engine';
import { Entity } from '@sluice/proto';
import { temporaryFolder } from '@sluice/testkit';
import { writeDocument } from '../../differential/dist/document.js';
import { RefereeCrash, type Surroundings } from '../../differential/dist/referee.js';
import { makeRound } from '../../differential/dist/rounds.js';
import type { UserData } from '../../differential/dist/users.js';
import { askReference, type PlainDocument, readDemo, surroundings, withGatesNested } from './reference.js';

const sluice = fileURLToPath(new URL('../../../packages/cli/bin/sluice.js', import.meta.url));

interface Case {
  readonly name: string;
  readonly text: string;
  readonly users: readonly UserData[];
  readonly around: Surroundings;
}

/** Fuzzed documents, without what only a caller in the same process can say. */
function fuzzed(seeds: readonly number[]): Case[] {
  return seeds.map((seed) => {
    const { document, users, surroundings: around } = makeRound(seed);
    const { lists, environment, clients } = around;
    const said = surroundings({ lists, environment, clients });
    return { name: `seed ${seed}`, text: writeDocument(document), users, around: said };
  });
}

const seeds = Array.from({ length: 10 }, (_, at) => 9_100 + at);

function demoCase(text: string): Case {
  const users = fuzzed([9_200, 9_201, 9_202]).flatMap((one) => one.users);
  return { name: 'the demo project', text, users, around: surroundings({ environment: 'production' }) };
}

/** The document as we export it after we have imported, stored and handed it out. */
function exported(text: string): string {
  const { ruleset } = parseStatsigDocument(text);
  const stored = entitiesFromRuleset(ruleset);
  const entities = stored.map((entity) => Entity.decode(Entity.encode(entity).finish()));
  // Client responses say how old the document is; otherwise that is our own time.
  const revision = { stateHash: hashEntities(entities), committedAtMs: ruleset.time };
  return formatStatsigDocument(exportedRuleset(rulesetFromEntities(entities), revision));
}

/** What the reference says of a document; undefined when it ends its process over it. */
async function reference({ text, users, around }: Omit<Case, 'name'>) {
  try {
    return await askReference(text, users, around);
  } catch (error) {
    if (error instanceof RefereeCrash) return undefined;
    throw error;
  }
}

async function answersSurviveExport(one: Case): Promise<number> {
  const before = await reference(one);
  if (before === undefined) return 0;
  const after = await reference({ ...one, text: exported(one.text) });
  assert.deepEqual(after, before, one.name);
  return before.reduce((sum, answers) => sum + Object.keys(answers).length, 0);
}

describe('export to a Statsig document', function () {
  this.timeout(120_000);

  it('keeps every answer of the reference over the demo project', async function () {
    const { text } = readDemo(this);
    assert.ok((await answersSurviveExport(demoCase(text))) > 1_000);
  });

  it('keeps every answer of the reference over fuzzed documents', async () => {
    let compared = 0;
    for (const one of fuzzed(seeds)) compared += await answersSurviveExport(one);
    console.log(`      ${compared} answers compared`);
    assert.ok(compared > 5_000);
  });
});

type Section = Record<string, Record<string, unknown>>;
type Line = { readonly gates: Section; readonly configs: Section; readonly layers: Section };

describe('sluice statsig eval', function () {
  this.timeout(120_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async () => {
    folder = await temporaryFolder();
  });

  after(() => folder.remove());

  it('answers as the reference over the demo project', async function () {
    const { text } = readDemo(this);
    const { compared, mismatches } = await compare(demoCase(text));
    assert.deepEqual(mismatches.slice(0, 3), []);
    assert.ok(compared > 1_000);
  });

  it('answers as the reference over fuzzed documents, with id lists', async () => {
    let compared = 0;
    for (const one of fuzzed(seeds.slice(0, 6))) {
      const result = await compare(one);
      assert.deepEqual(result.mismatches.slice(0, 3), [], one.name);
      compared += result.compared;
    }
    console.log(`      ${compared} answers compared`);
    assert.ok(compared > 3_000);
  });

  async function compare({ text, users, around }: Case) {
    const theirs = await reference({ text: withGatesNested(text), users, around });
    const lines = await evaluate(text, users, around);
    const mismatches: unknown[] = [];
    let compared = 0;
    for (const [at, line] of theirs === undefined ? [] : lines.entries()) {
      for (const [key, ours, expected] of pairs(text, line, theirs?.[at] ?? {})) {
        compared += 1;
        if (!isDeepStrictEqual(ours, expected)) mismatches.push({ key, user: users[at], ours, expected });
      }
    }
    return { compared, mismatches };
  }

  async function evaluate(text: string, users: readonly UserData[], around: Surroundings): Promise<Line[]> {
    const lists = join(folder.path, 'lists');
    await mkdir(lists, { recursive: true });
    for (const [name, content] of Object.entries(around.lists)) {
      await writeFile(join(lists, name), content.replaceAll('\n', '\r\n'));
    }
    const specs = join(folder.path, 'specs.json');
    const people = join(folder.path, 'users.ndjson');
    await writeFile(specs, text);
    await writeFile(people, users.map((user) => JSON.stringify(user)).join('\n'));
    const environment = around.environment === null ? [] : ['--environment', around.environment];
    const args = ['--specs', specs, '--users', people, '--id-lists', lists, ...environment];
    const output = await run(['statsig', 'eval', ...args]);
    return output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
  }
});

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [sluice, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    output += piece;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0);
  return output;
}

type Answer = Record<string, unknown>;

/** Every entity of the document with our answer and theirs, as far as the reference's API shows it. */
function* pairs(text: string, line: Line, theirs: Record<string, unknown>): Generator<[string, Answer, Answer]> {
  const document = JSON.parse(text) as PlainDocument;
  const answer = (key: string): Answer => theirs[key] as Answer;
  for (const name of Object.keys(document.feature_gates)) {
    const { value, ruleID, idType } = answer(`gate ${name}`);
    const through = answer(`experiment through ${name}`).exposures as string[];
    const exposures = through.at(-1)?.startsWith(`${name}:`) ? through.slice(0, -1) : through;
    yield [`gate ${name}`, flat(line.gates[name]), { value, ruleID, idType, exposures }];
  }
  for (const name of Object.keys({ ...document.dynamic_configs, ...document.cmab_configs })) {
    const entity = document.dynamic_configs[name]?.entity ?? 'autotune';
    const isExperiment =
      entity === 'experiment' || entity === 'autotune' || document.cmab_configs?.[name] !== undefined;
    const { value, ruleID, idType, groupName, exposures } = answer(`${isExperiment ? 'experiment' : 'config'} ${name}`);
    const { exposures: oursExposed, groupName: group, ...ours } = flat(line.configs[name]);
    const expected = { value, ruleID, idType };
    if (!isExperiment) yield [`config ${name}`, ours, expected];
    else
      yield [
        `experiment ${name}`,
        { ...ours, group, exposures: oursExposed },
        { ...expected, group: groupName ?? null, exposures },
      ];
  }
  for (const name of Object.keys(document.layer_configs)) {
    const { value, ruleID, idType, groupName, exposures, allocated } = answer(`layer ${name}`);
    const { undelegatedSecondaryExposures: _, allocatedExperiment, ...ours } = flat(line.layers[name]);
    const expected = { value, ruleID, idType, groupName: groupName ?? null, exposures, allocated: allocated ?? null };
    yield [`layer ${name}`, { ...ours, allocated: allocatedExperiment }, expected];
  }
}

function flat({ secondaryExposures, ...rest }: Answer = {}): Answer {
  const exposures = (secondaryExposures as { gate: string; gateValue: string; ruleID: string }[]) ?? [];
  return { ...rest, exposures: exposures.map(({ gate, gateValue, ruleID }) => `${gate}:${gateValue}:${ruleID}`) };
}
