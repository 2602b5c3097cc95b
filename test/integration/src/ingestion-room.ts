/** A mesh of config and ingestion with keys of every kind, for the tests of ingestion. */
import assert from 'node:assert/strict';
import { type Client, createClient, SluiceError, silentLogger } from '@sluice/mesh';
import { openDatabase } from '@sluice/postgres';
import {
  ConfigServiceService,
  type Event,
  EventBatch,
  IngestionServiceService,
  InstanceServiceService,
  KeyClass,
  LedgerServiceService,
  type LogEventsResponse,
  type SetRef,
} from '@sluice/proto';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';
import { v7 } from 'uuid';

export const set = { project: 'shop', environment: 'production' };
export const timeoutMs = 5_000;

export function eventOf(part: Partial<Event> = {}): Event {
  const event = { ...EventBatch.fromPartial({ events: [{}] }).events[0] } as Event;
  return { ...event, id: v7(), timeMs: Date.now(), name: 'purchase', ...part };
}

/** Talks to one ingestion with one key. */
export function talkTo(target: string, key: string) {
  const ingestion = createClient(IngestionServiceService, { target, key });
  const ledger = createClient(LedgerServiceService, { target, key });
  return {
    ingestion,
    ledger,
    log: (events: Event[]): Promise<LogEventsResponse> =>
      ingestion.logEvents({ set, events, sentAtMs: Date.now() }, { timeoutMs }),
    close: (): void => {
      ingestion.close();
      ledger.close();
    },
  };
}

export type Talk = ReturnType<typeof talkTo>;

/** Everything that a test of ingestion needs. */
export interface Room {
  readonly mesh: TestMesh;
  /** Where ingestion answers. */
  readonly target: string;
  readonly serverKey: string;
  /** With a server key of the set, a client key, the mesh's own key, and a console key for everything. */
  readonly server: Talk;
  readonly device: Talk;
  readonly inside: Talk;
  readonly console: Talk;
  outcomesOf(events: Event[]): Promise<number[]>;
  countOf(name: string): Promise<number>;
  /** Waits until the ledger has so many events of the name. */
  counted(name: string, count: number): Promise<void>;
  /** Makes one more server key, of another set with that set. @returns its secret. */
  makeKey(of?: SetRef): Promise<string>;
  /** What ingestion says that it counted. */
  counters(): Promise<Readonly<Record<string, number>>>;
  /** Asks the store itself. */
  query<Row extends object>(text: string): Promise<Row[]>;
  close(): Promise<void>;
}

/** `env` is added to the environment of the services. */
export async function openRoom(env: Readonly<Record<string, string>> = {}): Promise<Room> {
  const mesh = await startMesh({ services: ['config', 'ingestion'], env });
  const target = `static:///${mesh.process('ingestion-1').address}`;
  const [serverKey = '', clientKey = ''] = await makeKeys(mesh);
  for (const key of [serverKey, clientKey]) await untilKnown(target, key);
  const [server, device] = [talkTo(target, serverKey), talkTo(target, clientKey)];
  const [inside, console] = [talkTo(target, mesh.meshKey), talkTo(target, mesh.rootKey)];
  const countOf = async (name: string): Promise<number> =>
    (await inside.ledger.getEvents({ set, name }, { timeoutMs })).count;
  return {
    mesh,
    target,
    serverKey,
    server,
    device,
    inside,
    console,
    outcomesOf: async (events) => (await server.log(events)).outcomes.map(({ outcome }) => outcome),
    countOf,
    counted: (name, count) => eventually(async () => assert.equal(await countOf(name), count), { deadlineMs: 20_000 }),
    makeKey: (of = set) => makeServerKey(mesh, of),
    counters: () => countersOf(mesh, target),
    query: (text) => queryOnce(mesh.databaseUrl, text),
    close: async () => {
      for (const talk of [server, device, inside, console]) talk.close();
      await mesh.stop();
    },
  };
}

/** A key waits for half a second to become known, which a busy machine may not keep to. */
async function untilKnown(target: string, key: string): Promise<void> {
  const instance = createClient(InstanceServiceService, { target, key });
  try {
    await eventually(() => instance.getInstance({}, { timeoutMs }).catch(unlessForbidden));
  } finally {
    instance.close();
  }
}

/** Who is told that it may not do this is known. */
function unlessForbidden(error: unknown): void {
  if (!(error instanceof SluiceError) || error.kind !== 'forbidden') throw error;
}

/** Makes the set, a server key and a client key. */
async function makeKeys(mesh: TestMesh): Promise<string[]> {
  const target = `static:///${mesh.process('config-1').address}`;
  const config = createClient(ConfigServiceService, { target, key: mesh.rootKey });
  try {
    await config.createProject({ project: set.project }, { timeoutMs });
    await config.createEnvironment({ set }, { timeoutMs });
    const secrets: string[] = [];
    for (const keyClass of [KeyClass.SERVER, KeyClass.CLIENT]) secrets.push(await makeKey(config, keyClass));
    return secrets;
  } finally {
    config.close();
  }
}

async function makeKey(config: Client<typeof ConfigServiceService>, keyClass: KeyClass, of = set): Promise<string> {
  const grant = { ...of, keyClass, canWrite: false, label: `test ${keyClass}` };
  return (await config.createKey({ grant, isReused: false }, { timeoutMs })).secret;
}

async function makeServerKey(mesh: TestMesh, of: SetRef): Promise<string> {
  const target = `static:///${mesh.process('config-1').address}`;
  const config = createClient(ConfigServiceService, { target, key: mesh.rootKey });
  try {
    if (of !== set) {
      await config.createProject({ project: of.project }, { timeoutMs });
      await config.createEnvironment({ set: of }, { timeoutMs });
    }
    return await makeKey(config, KeyClass.SERVER, of);
  } finally {
    config.close();
  }
}

async function countersOf(mesh: TestMesh, target: string): Promise<Readonly<Record<string, number>>> {
  const instance = createClient(InstanceServiceService, { target, key: mesh.meshKey });
  try {
    return (await instance.getInstance({}, { timeoutMs })).counters;
  } finally {
    instance.close();
  }
}

async function queryOnce<Row extends object>(url: string, text: string): Promise<Row[]> {
  const database = await openDatabase({ url, applicationName: 'test', poolMax: 1, logger: silentLogger });
  try {
    return await database.query<Row>({ name: '', text });
  } finally {
    await database.close();
  }
}
