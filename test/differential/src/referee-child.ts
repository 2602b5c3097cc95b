/**
 * The reference implementation in a process of its own, since some inputs abort it. Speaks JSON messages
 * with its parent. Only loopback is reachable: it reports its errors to its makers otherwise.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zstdDecompressSync } from 'node:zlib';
import type { SecondaryExposure } from '@sluice/engine';
import referee from '@statsig/statsig-node-core';
import { type Answers, exposureTexts, type Names } from './answers.js';
import type { OverrideData, Surroundings } from './referee.js';
import type { UserData } from './users.js';

const { Statsig, StatsigUser } = referee;

/** Loads a document, or asks for the answers of some users. */
export type Request =
  | ({ readonly kind: 'load'; readonly document: string } & Surroundings)
  | { readonly kind: 'ask'; readonly names: Names; readonly users: readonly UserData[] };

export type Response = { readonly answers: readonly Answers[] } | { readonly loaded: boolean; readonly error?: string };

/** An event, as far as it is looked at. */
interface LoggedEvent {
  readonly eventName: string;
  readonly metadata: Readonly<Record<string, string | undefined>>;
  readonly secondaryExposures: readonly SecondaryExposure[] | null;
}

/** Events received since they were last emptied. */
let events: LoggedEvent[] = [];
let server: Server | undefined;
let statsig: InstanceType<typeof Statsig> | undefined;

async function serve(document: string, lists: Readonly<Record<string, string>>): Promise<string> {
  const created = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      if (path.startsWith('/specs')) response.end(document);
      else if (path === '/lists') response.end(JSON.stringify(manifest()));
      else if (path.startsWith('/list/')) response.end(lists[path.slice('/list/'.length)] ?? '');
      else {
        const body = Buffer.concat(chunks);
        if (request.headers['content-encoding'] === 'zstd')
          events.push(...JSON.parse(zstdDecompressSync(body).toString()).events);
        response.writeHead(202).end('{"success":true}');
      }
    });
  });
  await new Promise<void>((resolve) => created.listen(0, '127.0.0.1', resolve));
  server = created;
  const base = `http://127.0.0.1:${(created.address() as AddressInfo).port}`;
  const manifest = () =>
    Object.fromEntries(
      Object.entries(lists).map(([name, body]) => [
        name,
        { name, size: body.length, url: `${base}/list/${name}`, creationTime: 1, fileID: `file-${name}` },
      ]),
    );
  return base;
}

async function load(request: Extract<Request, { kind: 'load' }>): Promise<Response> {
  await statsig?.shutdown();
  server?.closeAllConnections();
  server?.close();
  const base = await serve(request.document, request.lists);
  statsig = new Statsig('secret-local', {
    specsUrl: `${base}/specs`,
    logEventUrl: `${base}/log_event`,
    idListsUrl: `${base}/lists`,
    enableIdLists: true,
    outputLogLevel: 'none',
    waitForCountryLookupInit: true,
    waitForUserAgentInit: true,
    globalCustomFields: request.globalCustomFields,
    ...(request.environment === null ? {} : { environment: request.environment }),
  });
  const { isSuccess, error } = await statsig.initialize();
  for (const override of request.overrides) applyOverride(statsig, override);
  return { loaded: isSuccess, ...(error === undefined ? {} : { error }) };
}

function applyOverride(sdk: InstanceType<typeof Statsig>, { kind, name, id, value }: OverrideData): void {
  const object = value as Record<string, unknown>;
  if (kind === 'gate') sdk.overrideGate(name, value === true, id);
  else if (kind === 'config') sdk.overrideDynamicConfig(name, object, id);
  else if (kind === 'experiment') sdk.overrideExperiment(name, object, id);
  else if (kind === 'group') sdk.overrideExperimentByGroupName(name, String(value), id);
  else sdk.overrideLayer(name, object, id);
}

type Data = Record<string, unknown>;

const quietly = { disableExposureLogging: true };

async function answer(sdk: InstanceType<typeof Statsig>, names: Names, data: UserData): Promise<Answers> {
  const user = new StatsigUser(data as ConstructorParameters<typeof StatsigUser>[0]);
  const answers: Answers = {};
  for (const name of names.gates) {
    const { value, ruleID, idType, details } = sdk.getFeatureGate(user, name, quietly);
    answers[`gate ${name}`] = { value, ruleID, idType, version: details.version, reason: details.reason };
  }
  for (const name of names.configs) {
    answers[`config ${name}`] = describe(sdk.getDynamicConfig(user, name, quietly), {});
    const experiment = sdk.getExperiment(user, name, quietly);
    const exposures = exposureTexts(experiment.secondaryExposures as never);
    answers[`experiment ${name}`] = describe(experiment, { groupName: experiment.groupName, exposures });
  }
  const parameters = await readParameters(sdk, names, data);
  for (const name of names.layers) answers[`layer ${name}`] = layerAnswer(sdk, user, name, parameters[name] ?? {});
  return answers;
}

let readings = 0;

/** What reading each parameter of each layer logs. The reference logs a unit once, so this unit gets an id of its own. */
async function readParameters(
  sdk: InstanceType<typeof Statsig>,
  names: Names,
  data: UserData,
): Promise<Record<string, Data>> {
  const customIDs = { ...data.customIDs, reading: `reading-${++readings}` };
  const user = new StatsigUser({ ...data, customIDs } as unknown as ConstructorParameters<typeof StatsigUser>[0]);
  events = [];
  for (const name of names.layers) {
    const layer = sdk.getLayer(user, name);
    for (const parameter of Object.keys(layer.__value)) layer.getValue(parameter, null);
  }
  await sdk.flushEvents();
  const parameters: Record<string, Data> = {};
  for (const { eventName, metadata, secondaryExposures } of events) {
    if (eventName !== 'statsig::layer_exposure') continue;
    const name = metadata.config ?? '';
    parameters[name] ??= {};
    parameters[name][metadata.parameterName ?? ''] = {
      ruleID: metadata.ruleID,
      isExplicit: metadata.isExplicitParameter,
      allocated: metadata.allocatedExperiment,
      exposures: secondaryExposures && exposureTexts(secondaryExposures),
    };
  }
  return parameters;
}

function describe(
  found: { value: unknown; ruleID: string; idType: string; details: { version?: number; reason: string } },
  more: Data,
): Data {
  const { value, ruleID, idType, details } = found;
  return { value, ruleID, idType, version: details.version, reason: details.reason, ...more };
}

function layerAnswer(
  sdk: InstanceType<typeof Statsig>,
  user: InstanceType<typeof StatsigUser>,
  name: string,
  parameters: Data,
): Data {
  const raw = sdk.__INTERNAL_getLayer(user, name) as Data;
  const details = raw.details as { version?: number; reason: string };
  return {
    value: raw.value ?? {},
    ruleID: raw.ruleID,
    idType: raw.idType ?? '',
    version: details.version,
    reason: details.reason,
    groupName: raw.groupName,
    exposures: exposureTexts(raw.secondaryExposures as never),
    isExperimentActive: raw.isExperimentActive,
    allocated: raw.allocatedExperimentName,
    parameters,
  };
}

async function handle(request: Request): Promise<Response> {
  if (request.kind === 'load') return await load(request);
  const sdk = statsig;
  if (sdk === undefined) throw new Error('nothing is loaded');
  const answers: Answers[] = [];
  for (const user of request.users) answers.push(await answer(sdk, request.names, user));
  return { answers };
}

process.on('message', (request: Request) => {
  void handle(request).then((response) => process.send?.(response));
});
