/** The evaluation service over gRPC, in a real mesh, beside a bare grpc-js echo of the same sizes. */
import { type ChildProcess, fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { entitiesFromRuleset } from '@sluice/codec';
import { parseStatsigDocument } from '@sluice/engine';
import { createClient } from '@sluice/mesh';
import {
  ConfigServiceService,
  EvaluateAllRequest,
  EvaluateRequest,
  EvaluateResponse,
  EvaluateStreamRequest,
  EvaluationServiceService,
  ImportRulesetRequest,
  Kind,
  type User,
} from '@sluice/proto';
import { startMesh, type TestMesh } from '@sluice/testkit';
import { benchUser, mixedGates } from './gates.js';
import { Caller, quantile } from './load.js';
import { documentV2 } from './peers/statsig-document.js';

const small = { project: 'bench', environment: 'small' };
const large = { project: 'bench', environment: 'large' };
const smallCount = 100;
const largeCount = 10_000;
const rounds = 5;
const roundMs = 1_000;
const inFlight = 64;
const timeoutMs = 60_000;

function wireUser(): User {
  const { userID, email, country, appVersion, plan, age } = benchUser(7);
  return {
    ...{ userId: userID, customIds: {}, email, ip: undefined, userAgent: undefined, country, locale: undefined },
    ...{ appVersion, privateAttributes: {}, environment: {} },
    custom: {
      plan: { kind: { $case: 'stringValue', value: plan } },
      age: { kind: { $case: 'numberValue', value: age } },
    },
  };
}

const evaluateOne = EvaluateRequest.fromPartial({
  set: small,
  keys: [{ kind: Kind.GATE, name: 'mixed_2' }],
  user: wireUser(),
  isExposureDisabled: true,
});

async function importGates(mesh: TestMesh, set: typeof small, count: number): Promise<void> {
  const config = createClient(ConfigServiceService, {
    target: 'consul:///config',
    consulAddr: mesh.consulAddr,
    key: mesh.rootKey,
  });
  const entities = entitiesFromRuleset(parseStatsigDocument(documentV2(mixedGates(count))).ruleset);
  const request = ImportRulesetRequest.fromPartial({ set, entities, reason: 'bench', isTolerant: true });
  const { revision } = await config.importRuleset(request, { timeoutMs });
  await config.waitForRevision({ set, revision }, { timeoutMs });
  config.close();
}

async function startEcho(responseBytes: number): Promise<{ address: string; process: ChildProcess }> {
  const child = fork(new URL('./echo-server.js', import.meta.url), [String(responseBytes)]);
  const port = await new Promise<number>((resolve) => child.once('message', (value) => resolve(Number(value))));
  return { address: `127.0.0.1:${port}`, process: child };
}

const methods = EvaluationServiceService;
const bytesOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

/** Medians of interleaved rounds. */
async function interleave(runs: Readonly<Record<string, () => Promise<number>>>): Promise<Record<string, number>> {
  const rates: Record<string, number[]> = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const rate = await run();
      // The first round warms up.
      if (round > 0) rates[name]?.push(rate);
    }
  }
  return Object.fromEntries(Object.entries(rates).map(([name, samples]) => [name, quantile(samples, 0.5)]));
}

function print(name: string, rate: number, remark = ''): void {
  console.log(`  ${name.padEnd(34)}${Math.round(rate).toLocaleString('en').padStart(12)}/s  ${remark}`);
}

async function benchCalls(mesh: TestMesh): Promise<void> {
  const { address } = mesh.process('evaluation-1');
  const key = mesh.rootKey;
  const request = bytesOf(EvaluateRequest.encode(evaluateOne).finish());
  const unary = new Caller(address, methods.evaluate.path, request, key);
  const answer = await unary.call();
  const [decision] = EvaluateResponse.decode(answer).decisions;
  if (decision?.ruleId === '') throw new Error('the gate was not decided: the bench would measure nothing');
  const echo = await startEcho(answer.length);
  const bare = new Caller(echo.address, '/bench.Echo/Echo', request);
  const all = new Caller(
    address,
    methods.evaluateAll.path,
    bytesOf(EvaluateAllRequest.encode(EvaluateAllRequest.fromPartial({ set: small, user: wireUser() })).finish()),
    key,
  );
  const message = EvaluateStreamRequest.encode({ id: 1, request: evaluateOne, timeoutMs: 0 }).finish();
  const stream = new Caller(address, methods.evaluateStream.path, bytesOf(message), key);
  const rates = await interleave({
    echo: () => bare.saturate(roundMs, inFlight),
    unary: () => unary.saturate(roundMs, inFlight),
    all: () => all.saturate(roundMs, 8),
    stream: () => stream.stream(roundMs, 256),
  });
  const { echo: echoRate = 1, unary: unaryRate = 1, all: allRate = 0, stream: streamRate = 0 } = rates;
  console.log(`\nOver gRPC, one evaluator, one client (request ${request.length} B, answer ${answer.length} B)`);
  print('bare grpc-js echo', echoRate);
  print('Evaluate', unaryRate, `${(unaryRate / echoRate).toFixed(2)} of the echo`);
  print('EvaluateStream', streamRate, `${(streamRate / unaryRate).toFixed(1)}× Evaluate`);
  print('EvaluateAll, decisions', allRate * smallCount, `${Math.round(allRate)} calls of ${smallCount} gates`);
  for (const caller of [unary, bare, all, stream]) caller.close();
  echo.process.disconnect();
}

async function benchTracing(plain: TestMesh, traced: TestMesh): Promise<void> {
  const request = bytesOf(EvaluateRequest.encode(evaluateOne).finish());
  const callerOf = (mesh: TestMesh) =>
    new Caller(mesh.process('evaluation-1').address, methods.evaluate.path, request, mesh.rootKey);
  const off = callerOf(plain);
  const on = callerOf(traced);
  const rates = await interleave({
    off: () => off.saturate(roundMs, inFlight),
    on: () => on.saturate(roundMs, inFlight),
  });
  console.log('\nTracing at 1 % sampling');
  print('off', rates.off ?? 0);
  print('on', rates.on ?? 0, `${((rates.on ?? 0) / (rates.off ?? 1)).toFixed(2)} of off`);
  off.close();
  on.close();
}

const swapLoadPerSecond = 500;
const swapForMs = 5_000;

/** Latency while one gate of ten thousand changes ten times a second, against quiet. */
async function benchSwap(mesh: TestMesh): Promise<void> {
  const request = bytesOf(EvaluateRequest.encode({ ...evaluateOne, set: large }).finish());
  const caller = new Caller(mesh.process('evaluation-1').address, methods.evaluate.path, request, mesh.rootKey);
  const config = createClient(ConfigServiceService, {
    target: 'consul:///config',
    consulAddr: mesh.consulAddr,
    key: mesh.rootKey,
  });
  await caller.openLoop(swapForMs / 2, swapLoadPerSecond);
  const quiet = await caller.openLoop(swapForMs, swapLoadPerSecond);
  let changes = 0;
  const change = async (): Promise<void> => {
    changes++;
    const gate = { set: large, name: 'mixed_0', rolloutPercentage: changes % 100, ruleId: '', reason: '' };
    await config.updateGate({ ...gate, isEnabled: undefined, expectedVersion: undefined }, { timeoutMs });
  };
  const timer = setInterval(() => void change(), 100);
  const busy = await caller.openLoop(swapForMs, swapLoadPerSecond);
  clearInterval(timer);
  const [before, during] = [quantile(quiet, 0.99), quantile(busy, 0.99)];
  console.log(`\nSwapping a ruleset of ${largeCount.toLocaleString('en')} gates under load (${changes} changes)`);
  console.log(`  p99 quiet ${before.toFixed(1)} ms, p99 while changing ${during.toFixed(1)} ms`);
  console.log(`  the changes add ${(during - before).toFixed(1)} ms`);
  caller.close();
  config.close();
}

export async function benchEvaluation(): Promise<void> {
  const sink = createServer((request, response) => request.resume().on('end', () => response.end('{}')));
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
  const services = ['config', 'evaluation'] as const;
  const plain = await startMesh({ services });
  const traced = await startMesh({
    services,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.01',
    },
  });
  try {
    for (const mesh of [plain, traced]) await importGates(mesh, small, smallCount);
    await benchCalls(plain);
    await benchTracing(plain, traced);
    await importGates(plain, large, largeCount);
    await benchSwap(plain);
  } finally {
    await Promise.all([plain.stop(), traced.stop()]);
    sink.close();
  }
}
