/** Config services in this process, on real servers, for tests of the authority. */
import { startConfig } from '@sluice/config';
import { type Client, createClient, Scope } from '@sluice/mesh';
import {
  ConfigServiceService,
  type Entity,
  KeyClass,
  type KeyGrant,
  type Rule,
  RulesetServiceService,
  type SetRef,
  type Spec,
} from '@sluice/proto';
import { createDatabase, type Servers } from '@sluice/testkit';

export const rootKey = 'sluice_console_root-of-the-tests';
export const timeoutMs = 10_000;

/** What a caller with one key can ask of one config service. */
export interface Caller {
  readonly config: Client<typeof ConfigServiceService>;
  readonly rulesets: Client<typeof RulesetServiceService>;
}

export interface Authority {
  readonly address: string;
  /** Connects with a key; without one, with the root key. */
  as(key?: string): Caller;
  stop(): Promise<void>;
}

let databases = 0;

/** A database of its own on shared servers. */
export function freshDatabase(servers: Servers): Promise<string> {
  databases += 1;
  return createDatabase(servers, `authority_${databases}`);
}

/** Starts one replica of config. */
export async function startAuthority(servers: Servers, databaseUrl: string, instance = 'config-1'): Promise<Authority> {
  const scope = new Scope();
  const mesh = {
    identity: { service: 'config', instance, region: 'test', version: '0' },
    grpcAddr: { host: '127.0.0.1', port: 0 },
    consulAddr: undefined,
    meshKey: 'mesh-of-the-tests',
    logLevel: 'silent',
  } as const;
  try {
    const { address } = await startConfig({ mesh, databaseUrl, natsUrl: servers.natsUrl, rootKey }, scope);
    return {
      address,
      as: (key = rootKey) => connect(scope, address, key),
      stop: async () => void (await scope.close()),
    };
  } catch (error) {
    await scope.close();
    throw error;
  }
}

function connect(scope: Scope, address: string, key: string): Caller {
  const options = { target: `static:///${address}`, key, maxReceiveBytes: 64 * 1024 * 1024 };
  const config = createClient(ConfigServiceService, options);
  const rulesets = createClient(RulesetServiceService, options);
  scope.push('test clients', () => {
    config.close();
    rulesets.close();
  });
  return { config, rulesets };
}

export function ruleOf(id: string, passPercentage: number, part: Partial<Rule> = {}): Rule {
  return {
    id,
    name: id,
    passPercentage,
    conditionIds: [],
    returnValueJson: 'true',
    idType: 'userID',
    salt: undefined,
    groupName: undefined,
    isExperimentGroup: undefined,
    configDelegate: undefined,
    samplingRate: undefined,
    ...part,
  };
}

export function gateOf(name: string, rules: readonly Rule[], part: Partial<Spec> = {}): Entity {
  const value: Spec = {
    entity: 'feature_gate',
    salt: name,
    enabled: true,
    defaultValueJson: 'false',
    rules: [...rules],
    idType: 'userID',
    version: undefined,
    isActive: undefined,
    hasSharedParams: undefined,
    explicitParameters: undefined,
    targetAppIds: undefined,
    forwardAllExposures: undefined,
    useNewLayerEval: undefined,
    fieldsUsed: undefined,
    ...part,
  };
  return { name, version: 0, body: { $case: 'gate', value } };
}

export const grantOf = (part: Partial<KeyGrant>): KeyGrant => ({
  keyClass: KeyClass.CONSOLE,
  project: '',
  environment: '',
  canWrite: false,
  label: 'test',
  ...part,
});

/** Replaces the ruleset of a set and answers what the import did. */
export const importInto = ({ config }: Caller, set: SetRef, entities: readonly Entity[], expectedRevision?: number) =>
  config.importRuleset(
    {
      set,
      entities: [...entities],
      expectedRevision,
      reason: 'a test',
      isTolerant: false,
      isDryRun: false,
      overrides: [],
    },
    { timeoutMs },
  );

/** Changes one gate. */
export const rollOut = ({ config }: Pick<Caller, 'config'>, set: SetRef, name: string, rolloutPercentage: number) =>
  config.updateGate(
    { set, name, rolloutPercentage, ruleId: '', isEnabled: undefined, expectedVersion: undefined, reason: 'a test' },
    { timeoutMs },
  );

export const snapshotOf = async ({ rulesets }: Caller, set: SetRef) => {
  const { frame } = await rulesets.getRuleset({ set, revision: 0 }, { timeoutMs });
  if (!frame) throw new Error('GetRuleset answered without a frame');
  return frame;
};

/** A gate's spec in the newest ruleset. */
export async function gateIn(caller: Caller, set: SetRef, name: string): Promise<Spec> {
  const { upserts } = await snapshotOf(caller, set);
  const entity = upserts.find((one) => one.body?.$case === 'gate' && one.name === name);
  if (entity?.body?.$case !== 'gate') throw new Error(`The ruleset has no gate ${name}`);
  return entity.body.value;
}
