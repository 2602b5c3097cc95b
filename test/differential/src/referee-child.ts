/**
 * The reference implementation in a process of its own, since some inputs abort it. Speaks JSON messages
 * with its parent. Only loopback is reachable: it reports its errors to its makers otherwise.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import referee from '@statsig/statsig-node-core';
import { type Answers, exposureTexts, type Names } from './answers.js';
import type { UserData } from './users.js';

const { Statsig, StatsigUser } = referee;

/** Loads a document, or asks for the answers of some users. */
export type Request =
  | { readonly kind: 'load'; readonly document: string; readonly lists: Readonly<Record<string, string>>; readonly environment: string | null; readonly globalCustomFields: Record<string, string> }
  | { readonly kind: 'ask'; readonly names: Names; readonly users: readonly UserData[] };

export type Response = { readonly answers: readonly Answers[] } | { readonly loaded: boolean; readonly error?: string };

let server: Server | undefined;
let statsig: InstanceType<typeof Statsig> | undefined;

async function serve(document: string, lists: Readonly<Record<string, string>>): Promise<string> {
  const created = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const path = request.url ?? '';
      if (path.startsWith('/specs')) response.end(document);
      else if (path === '/lists') response.end(JSON.stringify(manifest()));
      else if (path.startsWith('/list/')) response.end(lists[path.slice('/list/'.length)] ?? '');
      else response.writeHead(202).end('{"success":true}');
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
    disableAllLogging: true,
    outputLogLevel: 'none',
    waitForCountryLookupInit: true,
    waitForUserAgentInit: true,
    globalCustomFields: request.globalCustomFields,
    ...(request.environment === null ? {} : { environment: request.environment }),
  });
  const { isSuccess, error } = await statsig.initialize();
  return { loaded: isSuccess, ...(error === undefined ? {} : { error }) };
}

type Data = Record<string, unknown>;

function answer(sdk: InstanceType<typeof Statsig>, names: Names, data: UserData): Answers {
  const user = new StatsigUser(data as ConstructorParameters<typeof StatsigUser>[0]);
  const answers: Answers = {};
  const client = JSON.parse(sdk.getClientInitializeResponse(user, { hashAlgorithm: 'none' }));
  for (const name of names.gates) {
    const { value, ruleID, idType, details } = sdk.getFeatureGate(user, name);
    answers[`gate ${name}`] = { value, ruleID, idType, version: details.version, reason: details.reason };
    const shown = client.feature_gates[name];
    if (shown) answers[`gate exposures ${name}`] = exposureTexts(shown.secondary_exposures);
  }
  for (const name of names.configs) {
    const config = sdk.getDynamicConfig(user, name);
    answers[`config ${name}`] = describe(config, {});
    const experiment = sdk.getExperiment(user, name);
    const exposures = exposureTexts(experiment.secondaryExposures as never);
    answers[`experiment ${name}`] = describe(experiment, { groupName: experiment.groupName, exposures });
  }
  for (const name of names.layers) answers[`layer ${name}`] = layerAnswer(sdk, user, name, client.layer_configs[name]);
  return answers;
}

function describe(found: { value: unknown; ruleID: string; idType: string; details: { version?: number; reason: string } }, more: Data): Data {
  const { value, ruleID, idType, details } = found;
  return { value, ruleID, idType, version: details.version, reason: details.reason, ...more };
}

function layerAnswer(sdk: InstanceType<typeof Statsig>, user: InstanceType<typeof StatsigUser>, name: string, shown: Data | undefined): Data {
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
    undelegated: exposureTexts((shown?.undelegated_secondary_exposures ?? []) as never),
    explicitParameters: shown?.explicit_parameters ?? [],
    parameterRuleIDs: shown?.parameter_rule_ids ?? {},
  };
}

async function handle(request: Request): Promise<Response> {
  if (request.kind === 'load') return await load(request);
  const sdk = statsig;
  if (sdk === undefined) throw new Error('nothing is loaded');
  return { answers: request.users.map((user) => answer(sdk, request.names, user)) };
}

process.on('message', (request: Request) => {
  void handle(request).then((response) => process.send?.(response));
});
