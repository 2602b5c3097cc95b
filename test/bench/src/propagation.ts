/** The change stream in a real mesh: how fast a change arrives, what it costs, and what many listeners do to it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type Bus, connectBus } from '@sluice/bus';
import { entitiesFromRuleset } from '@sluice/codec';
import { parseStatsigDocument } from '@sluice/engine';
import { type Client, createClient, silentLogger } from '@sluice/mesh';
import {
  Ack,
  ConfigServiceService,
  EvaluateRequest,
  EvaluationServiceService,
  ImportRulesetRequest,
  Kind,
  RulesetServiceService,
  type SetRef,
  UpdateGateRequest,
  WatchRulesetRequest,
} from '@sluice/proto';
import { applyFrame, emptyState, rawFrame, readFrame } from '@sluice/replica';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';
import { mixedGates } from './gates.js';
import { Caller, quantile } from './load.js';
import { documentV2 } from './peers/statsig-document.js';
import { type Crowd, startCrowd } from './propagation-crowd.js';
import type { ListenerOptions } from './propagation-listeners.js';
import { atMost, judge } from './verdict.js';

const evaluators = 3;
const project = 'bench';
const small: SetRef = { project, environment: 'small' };
const medium: SetRef = { project, environment: 'medium' };
const large: SetRef = { project, environment: 'large' };
const huge: SetRef = { project, environment: 'huge' };
const timeoutMs = 60_000;

interface Lab {
  readonly mesh: TestMesh;
  readonly bus: Bus;
  readonly config: Client<ConfigServiceService>;
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`;
const mb = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;

async function importGates({ config }: Lab, set: SetRef, count: number): Promise<number> {
  const entities = entitiesFromRuleset(parseStatsigDocument(documentV2(mixedGates(count))).ruleset);
  const request = ImportRulesetRequest.fromPartial({ set, entities, reason: 'bench', isTolerant: true });
  const { revision } = await config.importRuleset(request, { timeoutMs });
  await eventually(async () => (await config.waitForRevision({ set, revision }, { timeoutMs })).isComplete, {
    deadlineMs: timeoutMs,
  });
  return revision;
}

let edits = 0;

/** Changes one gate. */
function edit({ config }: Lab, set: SetRef): Promise<{ revision: number; committedAtMs: number }> {
  edits++;
  const change = { set, name: 'mixed_0', rolloutPercentage: edits % 100, reason: 'bench' };
  return config.updateGate(UpdateGateRequest.fromPartial(change), { timeoutMs });
}

/** Commit to the last evaluator, by the evaluators' own acknowledgements. */
async function benchCommitToEvaluators(lab: Lab): Promise<void> {
  const heard = new Map<number, Map<string, number>>();
  const release = lab.bus.subscribe(`ack.v1.${small.project}.${small.environment}`, ({ data }) => {
    const { instance, revision, committedAtMs, appliedAtMs } = Ack.decode(data);
    const times = heard.get(revision) ?? new Map<string, number>();
    heard.set(revision, times);
    if (!times.has(instance)) times.set(instance, appliedAtMs - committedAtMs);
  });
  const lags: number[] = [];
  for (let i = 0; i < 330; i++) {
    const { revision } = await edit(lab, small);
    await eventually(() => heard.get(revision)?.size === evaluators, { intervalMs: 1 });
    // The first ones find everything cold.
    if (i >= 30) lags.push(Math.max(...(heard.get(revision)?.values() ?? [])));
  }
  await release();
  const [p50, p99] = [quantile(lags, 0.5), quantile(lags, 0.99)];
  const what = `commit -> last of ${evaluators} evaluators applied, p50 / p99`;
  judge(what, `${ms(p50)} / ${ms(p99)}`, atMost(p99, 20, 'ms p99'));
}

/** The bytes of each message of an evaluator's relay. */
async function* watchBytes(lab: Lab, set: SetRef, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const asBytes = { ...RulesetServiceService.watchRuleset, responseDeserialize: (bytes: Buffer): Uint8Array => bytes };
  const client = createClient(
    { watchRuleset: asBytes },
    {
      target: `static:///${lab.mesh.process('evaluation-1').address}`,
      key: lab.mesh.rootKey,
      maxReceiveBytes: 512 * 2 ** 20,
    },
  );
  try {
    yield* client.watchRuleset(WatchRulesetRequest.fromPartial({ set }), { signal });
  } finally {
    client.close();
  }
}

const changesApplied = 200;

/** What one edit moves, and what it costs to compile and swap, by the real frames of a set. */
async function recordEdits(lab: Lab, set: SetRef, count: number): Promise<Uint8Array[]> {
  const stop = new AbortController();
  const messages: Uint8Array[] = [];
  const { stream } = { stream: watchBytes(lab, set, stop.signal) };
  for await (const message of stream) {
    if (RulesetServiceService.watchRuleset.responseDeserialize(Buffer.from(message)).item?.$case !== 'frame') continue;
    messages.push(message);
    if (messages.length > count) break;
    await edit(lab, set);
  }
  stop.abort();
  return messages;
}

async function benchBytes(lab: Lab): Promise<void> {
  await importGates(lab, medium, 2_000);
  const [full, one] = await recordEdits(lab, medium, 1);
  const share = (100 * (one?.length ?? Number.NaN)) / (full?.length ?? 1);
  const measured = `${one?.length} B of ${mb(full?.length ?? 0)}, ${share.toFixed(3)} %`;
  judge('one edit in a set of 2,000 gates moves', measured, { text: '<= 1 %', isMet: share <= 1 });
}

async function benchApply(lab: Lab): Promise<void> {
  await importGates(lab, large, 10_000);
  const frames = (await recordEdits(lab, large, changesApplied)).map((message) => {
    const { item } = RulesetServiceService.watchRuleset.responseDeserialize(Buffer.from(message));
    if (item?.$case !== 'frame') throw new Error('not a frame');
    return rawFrame(item.value).bytes;
  });
  let state = emptyState(large);
  const times = frames.map((bytes) => {
    const started = performance.now();
    const outcome = applyFrame(state, readFrame(bytes));
    if (outcome.kind !== 'applied') throw new Error(`a frame was not applied: ${outcome.kind}`);
    state = outcome.state;
    return performance.now() - started;
  });
  const changes = times.slice(1);
  const [p50, p99] = [quantile(changes, 0.5), quantile(changes, 0.99)];
  const what = 'decode, prove, compile, swap a change, 10,000 gates';
  judge(what, `${ms(p50)}, p99 ${ms(p99)}`, atMost(p50, 1, 'ms'));
}

const residentBytes = (pid: number): number => {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
};

async function benchHuge(lab: Lab): Promise<void> {
  const { pid } = lab.mesh.process('evaluation-1');
  const before = residentBytes(pid);
  const started = performance.now();
  await importGates(lab, huge, 50_000);
  const seconds = (performance.now() - started) / 1000;
  const answer = await askOnce(lab, huge, 'mixed_49999');
  if (!answer) throw new Error('the last of 50,000 gates was not decided');
  const after = residentBytes(pid);
  judge('50,000 gates in one evaluator, resident memory', `${mb(before)} -> ${mb(after)}`);
  judge('  import to acknowledged by every evaluator', `${seconds.toFixed(1)} s`);
}

const evaluateOf = (set: SetRef, name: string): Buffer =>
  Buffer.from(
    EvaluateRequest.encode(
      EvaluateRequest.fromPartial({
        set,
        keys: [{ kind: Kind.GATE, name }],
        user: { userId: 'user-7', custom: {} },
        isExposureDisabled: true,
      }),
    ).finish(),
  );

function callerOf({ mesh }: Lab, set: SetRef, name: string): Caller {
  const { address } = mesh.process('evaluation-1');
  return new Caller(address, EvaluationServiceService.evaluate.path, evaluateOf(set, name), mesh.rootKey);
}

async function askOnce(lab: Lab, set: SetRef, name: string): Promise<boolean> {
  const caller = callerOf(lab, set, name);
  const answer = EvaluationServiceService.evaluate.responseDeserialize(await caller.call());
  caller.close();
  return answer.decisions[0]?.ruleId !== '';
}

const rawSubject = 'bench.raw';
const frameSubject = 'bench.frames.all';
const frameStream = 'BENCH_FRAMES';
const subscribers = 100;
const sdks = 1_000;
const fanOuts = 110;

function listeners({ mesh, bus }: Lab, part: Partial<ListenerOptions> & Pick<ListenerOptions, 'kind' | 'count'>) {
  const places = { url: mesh.natsUrl, subject: rawSubject, stream: frameStream, key: mesh.rootKey, set: small };
  return startCrowd({ ...places, ...part }, () => {
    if (part.kind === 'raw') bus.broadcast(rawSubject, new Uint8Array());
  });
}

const nowMs = (): number => performance.timeOrigin + performance.now();

/** Publishes one after the other. @returns milliseconds from each publication to its last listener. */
async function fanOut(crowd: Crowd, publish: (turn: number) => unknown): Promise<number[]> {
  const lags: number[] = [];
  for (let turn = 0; turn < fanOuts; turn++) {
    const started = nowMs();
    await publish(turn);
    lags.push((await crowd.all(turn)).lastMs - started);
  }
  return lags.slice(10);
}

const burst = 200;

/** Publishes many without waiting. @returns milliseconds until the last listener has the last one. */
async function burstOut(crowd: Crowd, publish: (turn: number) => unknown): Promise<number> {
  const started = nowMs();
  for (let turn = fanOuts; turn < fanOuts + burst; turn++) void publish(turn);
  return (await crowd.all(fanOuts + burst - 1)).lastMs - started;
}

/** The same bytes to the same number of listeners: as raw NATS does it, and as frames of JetStream that replicas follow. */
async function benchSubscribers(lab: Lab): Promise<void> {
  const { bus } = lab;
  const [, frame] = await recordEdits(lab, small, 1);
  const { item } = RulesetServiceService.watchRuleset.responseDeserialize(Buffer.from(frame ?? []));
  if (item?.$case !== 'frame') throw new Error('no frame to send');
  const { bytes } = rawFrame(item.value);
  await bus.ensureStream({ name: frameStream, subjects: [frameSubject], maxMsgsPerSubject: 1_000, discard: 'old' });
  const sendRaw = (): void => bus.broadcast(rawSubject, bytes);
  const raw = await listeners(lab, { kind: 'raw', count: subscribers });
  const base = quantile(await fanOut(raw, sendRaw), 0.5);
  const baseBurst = await burstOut(raw, sendRaw);
  raw.stop();
  const send = (turn: number) => bus.publish(frameSubject, bytes, { messageId: `bench-${turn}`, timeoutMs });
  const frames = await listeners(lab, { kind: 'frames', count: subscribers, subject: frameSubject });
  const ours = quantile(await fanOut(frames, send), 0.5);
  const oursBurst = await burstOut(frames, send);
  frames.stop();
  judge(`raw NATS, ${bytes.length} B to the last of ${subscribers} subscribers`, ms(base));
  const measured = `${ms(ours)}, ${(ours / base).toFixed(2)}x raw`;
  judge(`frames of the log to the last of ${subscribers} replicas`, measured, atMost(ours / base, 2, 'x raw'));
  judge(`raw NATS, ${burst} at once`, ms(baseBurst));
  const ratio = oursBurst / baseBurst;
  judge(`frames of the log, ${burst} at once`, `${ms(oursBurst)}, ${ratio.toFixed(2)}x raw`, atMost(ratio, 2, 'x raw'));
}

const relayedBytes = 200;
const editsWarm = 10;
const editsMeasured = 30;

/** Edits one after the other. @returns milliseconds from each commit to its last listener. */
async function editsTo(lab: Lab, crowdOf: Parameters<typeof listeners>[1]): Promise<number[]> {
  const crowd = await listeners(lab, crowdOf);
  const lags: number[] = [];
  for (let turn = 0; turn < editsWarm + editsMeasured; turn++) {
    const { revision, committedAtMs } = await edit(lab, small);
    const { lastMs } = await crowd.all(revision);
    if (turn >= editsWarm) lags.push(lastMs - committedAtMs);
  }
  crowd.stop();
  return lags;
}

/** What grpc-js itself takes to write a message to so many streams. */
async function bareStreams(lab: Lab): Promise<number> {
  const server = fork(new URL('./relay-server.js', import.meta.url), [String(relayedBytes)]);
  const [port] = (await once(server, 'message')) as [number];
  const crowd = await listeners(lab, { kind: 'grpc', count: sdks, url: `127.0.0.1:${port}` });
  const lags = await fanOut(crowd, () => void server.send('write'));
  crowd.stop();
  server.disconnect();
  return quantile(lags, 0.5);
}

/** The evaluator's relay to many SDKs, against raw NATS with as many connections; then all of them come back at once. */
async function benchSdks(lab: Lab): Promise<void> {
  const raw = await listeners(lab, { kind: 'raw', count: sdks });
  const rawLags = await fanOut(raw, () => lab.bus.broadcast(rawSubject, Buffer.alloc(relayedBytes)));
  raw.stop();
  const bare = await bareStreams(lab);
  const { address } = lab.mesh.process('evaluation-1');
  const relayed = await editsTo(lab, { kind: 'watch', count: sdks, url: address });
  const applied = await editsTo(lab, { kind: 'sdk', count: sdks, url: `static:///${address}` });
  const base = quantile(rawLags, 0.5);
  judge(`raw NATS to the last of ${sdks} connections`, ms(base));
  judge(`bare grpc-js streams, to the last of ${sdks}`, `${ms(bare)}, ${(bare / base).toFixed(2)}x raw`);
  const relay = quantile(relayed, 0.5);
  judge(
    `commit -> last of ${sdks} streams of an evaluator, p50 / p99`,
    `${ms(relay)} / ${ms(quantile(relayed, 0.99))}`,
  );
  judge(
    '  against raw NATS with as many connections',
    `${(relay / base).toFixed(2)}x raw, ${(relay / bare).toFixed(2)}x bare grpc-js`,
    atMost(relay / base, 2, 'x raw'),
  );
  const [p50, p99] = [quantile(applied, 0.5), quantile(applied, 0.99)];
  judge(`commit -> applied by ${sdks} SDKs in one process, p50 / p99`, `${ms(p50)} / ${ms(p99)}`);
  const proxied = await listeners(lab, { kind: 'sdk', count: sdks, behindProxy: address });
  await benchReconnect(lab, proxied);
  proxied.stop();
}

const loadPerSecond = 200;
const loadForMs = 5_000;

const storms = 5;

/** Every SDK loses its connection in the same moment, and a change is made: when has the last one got it? */
async function stormOnce(lab: Lab, crowd: Crowd): Promise<{ servedMs: number; normalMs: number; duringMs: number }> {
  const caller = callerOf(lab, small, 'mixed_0');
  await caller.openLoop(1_000, loadPerSecond);
  const quiet = await caller.openLoop(loadForMs, loadPerSecond);
  const storm = caller.openLoop(loadForMs, loadPerSecond);
  const cutAtMs = nowMs();
  crowd.cut();
  const { revision } = await edit(lab, small);
  const { lastMs } = await crowd.all(revision);
  const stormy = await storm;
  caller.close();
  return { servedMs: lastMs - cutAtMs, normalMs: quantile(quiet, 0.99), duringMs: quantile(stormy, 0.99) };
}

/** One storm on two busy processors says little: several, and the middle one. */
async function benchReconnect(lab: Lab, crowd: Crowd): Promise<void> {
  const seen: Awaited<ReturnType<typeof stormOnce>>[] = [];
  for (let storm = 0; storm < storms; storm++) seen.push(await stormOnce(lab, crowd));
  const servedMs = Math.max(...seen.map((one) => one.servedMs));
  judge(`${sdks} SDKs cut at once: last one served again after`, ms(servedMs), atMost(servedMs, 5_000, 'ms'));
  const slower = quantile(
    seen.map((one) => one.duringMs / one.normalMs),
    0.5,
  );
  const each = seen.map(({ duringMs, normalMs }) => `${duringMs.toFixed(0)}/${normalMs.toFixed(0)}`).join(' ');
  const measured = `${slower.toFixed(1)}x (${each} ms)`;
  judge('  p99 of evaluations meanwhile to normal', measured, atMost(slower, 2, 'x normal'));
}

export async function benchPropagation(): Promise<void> {
  const mesh = await startMesh({ evaluators, services: ['config', 'evaluation'] });
  const bus = await connectBus({ url: mesh.natsUrl, name: 'bench', logger: silentLogger });
  const config = createClient(ConfigServiceService, {
    target: `static:///${mesh.process('config-1').address}`,
    key: mesh.rootKey,
    // An import of 50,000 gates keeps it busy for seconds.
    silentMs: timeoutMs,
  });
  const lab = { mesh, bus, config };
  try {
    console.log(`\nThe change stream: a mesh with ${evaluators} evaluators on this machine`);
    await eventually(() => bus.isConnected());
    await importGates(lab, small, 100);
    await benchCommitToEvaluators(lab);
    await benchSubscribers(lab);
    await benchSdks(lab);
    await benchBytes(lab);
    await benchApply(lab);
    await benchHuge(lab);
  } finally {
    config.close();
    await bus.close();
    await mesh.stop();
  }
}
