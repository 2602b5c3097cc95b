/**
 * The reference implementation in a process of its own, since some inputs abort it. Speaks JSON messages
 * with its parent. Only loopback is reachable: it reports its errors to its makers otherwise.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { zstdDecompressSync } from 'node:zlib';
import type { SecondaryExposure } from '@sluice/engine';
import referee from '@statsig/statsig-node-core';
import { type Answers, exposureTexts, fallbacks, type Names } from './answers.js';
import type { ClientOptionsData } from './client-options.js';
import { flattenResponse } from './client-shape.js';
import type { OverrideData, Surroundings } from './referee.js';
import type { UserData } from './users.js';

const { Statsig, StatsigUser } = referee;

/** Loads a document, or asks for the answers of some users. */
export type Request =
  | ({ readonly kind: 'load'; readonly document: string } & Surroundings)
  | { readonly kind: 'ask'; readonly names: Names; readonly users: readonly UserData[] };

export type Response =
  | { readonly answers: readonly Answers[] }
  | { readonly loaded: boolean; readonly error?: string }
  /** A mistake of ours, not of the reference. */
  | { readonly failure: string };

/** An event, as far as it is looked at. */
interface LoggedEvent {
  readonly eventName: string;
  readonly metadata: Readonly<Record<string, string | undefined>>;
  readonly secondaryExposures: readonly SecondaryExposure[] | null;
  readonly user: { readonly customIDs?: { readonly reading?: string } };
}

/** Events received since they were last emptied. */
let events: LoggedEvent[] = [];
let server: Server | undefined;
let statsig: InstanceType<typeof Statsig> | undefined;
let loads = 0;

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
  // Some settings live on in the process, by key.
  statsig = new Statsig(`secret-local-${++loads}`, {
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
  // Nothing comes back when it panics: as good as a crash.
  const result: Awaited<ReturnType<typeof statsig.initialize>> | undefined = await statsig.initialize();
  if (result === undefined) process.exit(1);
  const { isSuccess, error } = result;
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
  const { parameters, consulted } = await readParameters(sdk, names, data);
  answers.consulted = consulted;
  if (names.isExposing) Object.assign(answers, await readExposures(sdk, names, data));
  for (const name of names.layers) answers[`layer ${name}`] = layerAnswer(sdk, user, name, parameters[name] ?? {});
  for (const [name, stored] of Object.entries(names.stores)) {
    const store = sdk.getParameterStore(user, name, quietly);
    for (const parameter of stored) {
      answers[`parameter ${name} ${parameter}`] = fallbacks.map((fallback) => store.getValue(parameter, fallback));
    }
  }
  for (const options of names.clients) {
    const response = JSON.parse(sdk.getClientInitializeResponse(user, toRefereeOptions(options)));
    Object.assign(answers, flattenResponse(JSON.stringify(options), response));
  }
  return answers;
}

function toRefereeOptions({ format, keep = {}, ...options }: ClientOptionsData): referee.ClientInitResponseOptions {
  const filters: referee.ClientInitResponseOptions = {};
  if (keep.gates !== undefined) filters.featureGateFilter = new Set(keep.gates);
  if (keep.configs !== undefined) filters.dynamicConfigFilter = new Set(keep.configs);
  if (keep.experiments !== undefined) filters.experimentFilter = new Set(keep.experiments);
  if (keep.layers !== undefined) filters.layerFilter = new Set(keep.layers);
  if (keep.paramStores !== undefined) filters.paramStoreFilter = new Set(keep.paramStores);
  return { ...options, ...filters, responseFormat: format as number };
}

let readings = 0;

/** What reading each parameter of each layer logs. */
async function readParameters(
  sdk: InstanceType<typeof Statsig>,
  names: Names,
  data: UserData,
): Promise<{ parameters: Record<string, Data>; consulted: readonly string[] }> {
  const found = await eventsOf(sdk, data, (user) => {
    for (const name of names.layers) {
      const layer = sdk.getLayer(user, name);
      for (const parameter of Object.keys(layer.__value)) layer.getValue(parameter, null);
    }
  });
  const parameters: Record<string, Data> = {};
  for (const { eventName, metadata, secondaryExposures } of found) {
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
  // Experiments that conditions have asked for.
  const consulted = found.filter(({ eventName }) => eventName === 'statsig::config_exposure');
  return { parameters, consulted: consulted.map(({ metadata }) => `${metadata.config}:${metadata.ruleID}`).sort() };
}

/** What some calls log. The reference logs a unit once, so that this unit gets an id of its own. */
async function eventsOf(
  sdk: InstanceType<typeof Statsig>,
  data: UserData,
  call: (user: InstanceType<typeof StatsigUser>) => void,
): Promise<readonly LoggedEvent[]> {
  const reading = `reading-${++readings}`;
  const customIDs = { ...data.customIDs, reading };
  events = [];
  call(new StatsigUser({ ...data, customIDs } as unknown as ConstructorParameters<typeof StatsigUser>[0]));
  await sdk.flushEvents();
  return events.filter(({ user }) => user.customIDs?.reading === reading);
}

/** What asking for each gate and experiment logs. */
async function readExposures(sdk: InstanceType<typeof Statsig>, names: Names, data: UserData): Promise<Answers> {
  const ask = (user: InstanceType<typeof StatsigUser>): void => {
    for (const name of names.gates) sdk.checkGate(user, name);
    for (const name of names.configs) sdk.getExperiment(user, name);
  };
  const answers: Answers = {};
  for (const { eventName, metadata, secondaryExposures } of await eventsOf(sdk, data, ask)) {
    const { gate, config, gateValue, rulePassed, ruleID, configVersion, overrideConfigName } = metadata;
    // An evaluation that failed is logged without a name.
    if ((gate ?? config) === '') continue;
    const kind = eventName === 'statsig::gate_exposure' ? 'gate' : 'experiment';
    answers[`exposure ${kind} ${gate ?? config}`] = {
      passed: gateValue ?? rulePassed,
      ruleID,
      version: configVersion ?? null,
      redirected: overrideConfigName ?? null,
      exposures: exposureTexts(secondaryExposures ?? []),
    };
  }
  return answers;
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
    // A layer that failed has none of these.
    exposures: exposureTexts((raw.secondaryExposures ?? []) as never),
    isExperimentActive: raw.isExperimentActive ?? false,
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
  void handle(request)
    .catch((error: unknown): Response => ({ failure: error instanceof Error ? String(error.stack) : String(error) }))
    .then((response) => process.send?.(response));
});
