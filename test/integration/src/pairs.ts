/** Writers who read their own writes from every evaluator while the mesh is killed around them. */
import { setTimeout as delay } from 'node:timers/promises';
import { userFromJson } from '@sluice/codec';
import { type Client, createClient, SluiceError } from '@sluice/mesh';
import { ConfigServiceService, EvaluationServiceService, ImportRulesetRequest, Kind, type SetRef } from '@sluice/proto';
import { eventually, type TestMesh } from '@sluice/testkit';
import { gateOf, ruleOf, timeoutMs } from './authority.js';

export interface PairsOptions {
  /** Evaluators of the mesh: `evaluation-1` and on. */
  readonly evaluators: number;
  /** Writes, each read from every evaluator. */
  readonly pairs: number;
  /** Writers at a time, each with a gate of its own. */
  readonly writers: number;
  /** Names of what is killed, in turn, until the pairs are done; each at least once. */
  readonly victims: readonly string[];
  readonly seed: number;
  readonly say?: (line: string) => void;
}

export interface PairsResult {
  readonly pairs: number;
  readonly reads: number;
  /** Answers with a token that came from before it: the promise is 0. */
  readonly older: number;
  /** Answers by the right revision with the wrong value: the promise is 0. */
  readonly wrong: number;
  /** Answers to the same questions without a token that came from before the write: more than 0, or nothing was tried. */
  readonly olderWithoutToken: number;
  /** Calls that failed and were made again. */
  readonly repeatedWrites: number;
  readonly repeatedReads: number;
  readonly kills: Readonly<Record<string, number>>;
}

const set: SetRef = { project: 'pairs', environment: 'production' };
const user = userFromJson({ userID: 'reader' });
const triesForMs = 30_000;
const gateName = (writer: number): string => `gate-${writer}`;

/** @throws Error when a call fails for longer than any fault lasts. */
export async function runPairs(mesh: TestMesh, options: PairsOptions): Promise<PairsResult> {
  const config = clientOf(mesh, ConfigServiceService, 'config-1');
  const names = Array.from({ length: options.evaluators }, (_, at) => `evaluation-${at + 1}`);
  const evaluators = names.map((name) => clientOf(mesh, EvaluationServiceService, name));
  const tally = { pairs: 0, reads: 0, older: 0, wrong: 0, olderWithoutToken: 0, repeatedWrites: 0, repeatedReads: 0 };
  const kills: Record<string, number> = {};
  const isDone = (): boolean => tally.pairs >= options.pairs;
  try {
    await prepare(config, options.writers);
    const writers = Array.from({ length: options.writers }, (_, at) => write(config, evaluators, at, tally, isDone));
    await Promise.all([...writers, killInTurn(mesh, options, kills, isDone)]);
    return { ...tally, kills };
  } finally {
    for (const client of [config, ...evaluators]) client.close();
  }
}

function clientOf<D extends object>(mesh: TestMesh, definition: D, name: string): Client<D> {
  return createClient(definition, { target: `static:///${mesh.process(name).address}`, key: mesh.rootKey });
}

async function prepare(config: Client<ConfigServiceService>, writers: number): Promise<void> {
  const entities = Array.from({ length: writers }, (_, at) => gateOf(gateName(at), [ruleOf('everyone', 0)]));
  const request = ImportRulesetRequest.fromPartial({ set, entities, reason: 'pairs' });
  const { revision } = await config.importRuleset(request, { timeoutMs });
  await eventually(async () => (await config.waitForRevision({ set, revision }, { timeoutMs })).isComplete);
}

type Tally = { -readonly [Name in Exclude<keyof PairsResult, 'kills'>]: number };

async function write(
  config: Client<ConfigServiceService>,
  evaluators: readonly Client<EvaluationServiceService>[],
  writer: number,
  tally: Tally,
  isDone: () => boolean,
): Promise<void> {
  for (let turn = 1; !isDone(); turn++) {
    const isOn = turn % 2 === 1;
    const change = { set, name: gateName(writer), rolloutPercentage: isOn ? 100 : 0, ruleId: '', reason: 'pairs' };
    const request = { ...change, isEnabled: undefined, expectedVersion: undefined };
    // The same write again does the same: it may have been committed although the answer was lost.
    const { revision } = await again(
      () => config.updateGate(request, { timeoutMs: 3_000 }),
      () => tally.repeatedWrites++,
    );
    const expected = { name: gateName(writer), isOn, revision };
    await Promise.all(evaluators.map((evaluator) => read(evaluator, expected, tally)));
    tally.pairs++;
  }
}

interface Expected {
  readonly name: string;
  readonly isOn: boolean;
  readonly revision: number;
}

async function read(evaluator: Client<EvaluationServiceService>, expected: Expected, tally: Tally): Promise<void> {
  const ask = (minRevision: number) =>
    evaluator.evaluate(
      {
        ...{ set, keys: [{ kind: Kind.GATE, name: expected.name }], user },
        ...{ minRevision, atRevision: 0, isExposureDisabled: true },
      },
      { timeoutMs: 3_000 },
    );
  const bare = await ask(0).catch(() => undefined);
  if (bare && (bare.provenance?.revision ?? 0) < expected.revision) tally.olderWithoutToken++;
  const { decisions, provenance } = await again(
    () => ask(expected.revision),
    () => tally.repeatedReads++,
  );
  tally.reads++;
  if ((provenance?.revision ?? 0) < expected.revision) tally.older++;
  else if (decisions[0]?.gateValue !== expected.isOn) tally.wrong++;
}

/** Faults are refusals, time-outs and broken connections; anything else is an error of the caller or of the product. */
const faults: readonly string[] = ['unavailable', 'deadline', 'precondition', 'unauthenticated', 'not_found'];

async function again<T>(call: () => Promise<T>, onFault: () => void): Promise<T> {
  const until = Date.now() + triesForMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof SluiceError) || !faults.includes(error.kind) || Date.now() > until) throw error;
      onFault();
      await delay(50);
    }
  }
}

/** Kill, a moment of absence, a new life, a moment of peace; then the next. */
async function killInTurn(
  mesh: TestMesh,
  { victims, seed, say }: PairsOptions,
  kills: Record<string, number>,
  isDone: () => boolean,
): Promise<void> {
  const random = randomFrom(seed);
  for (let turn = 0; turn < victims.length || !isDone(); turn++) {
    const name = victims[turn % victims.length] ?? '';
    await delay(200 + random() * 400);
    await mesh.process(name).kill();
    await delay(100 + random() * 600);
    await mesh.process(name).start();
    kills[name] = (kills[name] ?? 0) + 1;
    say?.(`killed ${name} and started it again`);
  }
}

/** A small generator of numbers in [0, 1), the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
