/** The demo project, imported into a mesh of real processes, answered over gRPC as the reference answers. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { userFromJson } from '@sluice/codec';
import { type Client, createClient } from '@sluice/mesh';
import { type Decision, EvaluationServiceService, type Key, Kind, type SecondaryExposure } from '@sluice/proto';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';
import { Random } from '../../differential/dist/random.js';
import { makeUser, type UserData } from '../../differential/dist/users.js';
import { askReference, type PlainDocument, readDemo, surroundings, withGatesNested } from './reference.js';

const set = { project: 'demo', environment: 'production' };
const usersCount = 200;
const timeoutMs = 10_000;

type Answer = Readonly<Record<string, unknown>>;

describe('the demo project on a mesh', function () {
  this.timeout(120_000);
  let mesh: TestMesh;
  let evaluation: Client<EvaluationServiceService>;
  let text: string;

  before(async function () {
    const demo = readDemo(this);
    text = demo.text;
    mesh = await startMesh();
    const named = ['--project', set.project, '--environment', set.environment];
    const { code, stderr } = await mesh.sluice('import', 'statsig', demo.path, ...named);
    assert.equal(code, 0, stderr);
    evaluation = createClient(EvaluationServiceService, {
      target: 'consul:///evaluation',
      key: mesh.rootKey,
      consulAddr: mesh.consulAddr,
      region: mesh.region,
    });
  });

  after(async () => {
    evaluation?.close();
    await mesh?.stop();
  });

  it(`answers every entity for ${usersCount} users as the reference does`, async () => {
    const document = JSON.parse(text) as PlainDocument;
    const users = makeUsers(document);
    const around = surroundings({ environment: set.environment });
    const theirs = await askReference(withGatesNested(text), users, around);
    const keys = keysOf(document);
    await eventually(() => askAll(evaluation, users[0] ?? {}));
    const mismatches: unknown[] = [];
    let comparisons = 0;
    for (const [at, user] of users.entries()) {
      const reference = theirs[at] as Record<string, Answer>;
      const [all, each] = await Promise.all([askAll(evaluation, user), askEach(evaluation, user, keys)]);
      assert.deepEqual([all.length, each.length], [entityCount(document), keys.length]);
      for (const decision of [...all, ...each]) {
        const ours = describeDecision(decision);
        const expected = expectedOf(reference, decision);
        comparisons += 1;
        if (!isDeepStrictEqual(ours, expected)) mismatches.push({ user, name: decision.name, ours, expected });
      }
    }
    console.log(`      ${comparisons} answers compared, ${mismatches.length} mismatches`);
    assert.deepEqual(mismatches.slice(0, 3), []);
  });
});

/** Random users, of whom most have some fields that the document asks for. */
function makeUsers({ condition_map: conditions }: PlainDocument): UserData[] {
  const random = new Random(7);
  const asked = Object.values(conditions).filter(
    ({ type, field }) => type === 'user_field' && typeof field === 'string',
  );
  return Array.from({ length: usersCount }, (_, index) => {
    const user: Record<string, unknown> = { ...makeUser(random, index), userID: `user-${index}` };
    for (let i = 0; i < 3 && asked.length > 0; i++) {
      const { field, targetValue } = random.pick(asked);
      const value = Array.isArray(targetValue) ? random.pick(targetValue as unknown[]) : targetValue;
      if (field === 'email' || field === 'country') user[field] = String(value);
      else user.custom = { ...(user.custom as object), [String(field)]: value ?? null };
    }
    return JSON.parse(JSON.stringify(user)) as UserData;
  });
}

function keysOf(document: PlainDocument): Key[] {
  const keys = (section: object, kind: Kind): Key[] => Object.keys(section).map((name) => ({ kind, name }));
  return [
    ...keys(document.feature_gates, Kind.GATE),
    ...keys(document.dynamic_configs, Kind.CONFIG),
    ...keys(document.dynamic_configs, Kind.EXPERIMENT),
    ...keys(document.layer_configs, Kind.LAYER),
  ];
}

function entityCount({ feature_gates, dynamic_configs, layer_configs }: PlainDocument): number {
  return [feature_gates, dynamic_configs, layer_configs].reduce((sum, section) => sum + Object.keys(section).length, 0);
}

const asked = { set, minRevision: 1, atRevision: 0 };

async function askAll(evaluation: Client<EvaluationServiceService>, user: UserData): Promise<Decision[]> {
  return (await evaluation.evaluateAll({ ...asked, user: userFromJson(user) }, { timeoutMs })).decisions;
}

async function askEach(evaluation: Client<EvaluationServiceService>, user: UserData, keys: Key[]): Promise<Decision[]> {
  const request = { ...asked, keys, user: userFromJson(user), isExposureDisabled: true };
  return (await evaluation.evaluate(request, { timeoutMs })).decisions;
}

const textsOf = (exposures: readonly SecondaryExposure[]): string[] =>
  exposures.map(({ gate, gateValue, ruleId }) => `${gate}:${gateValue}:${ruleId}`);

/** What is compared, of ours. */
function describeDecision(decision: Decision): Answer {
  const { kind, ruleId: ruleID, idType, version = null, groupName } = decision;
  const common = { ruleID, idType, version };
  if (kind === Kind.GATE)
    return { ...common, value: decision.gateValue, exposures: textsOf(decision.secondaryExposures) };
  const value: unknown = JSON.parse(decision.valueJson);
  if (kind === Kind.CONFIG) return { ...common, value };
  const exposures = textsOf(decision.secondaryExposures);
  const described = { ...common, value, groupName, exposures };
  return kind === Kind.LAYER
    ? { ...described, allocated: decision.allocatedExperiment, parameters: parametersOf(decision, value) }
    : described;
}

/** Whose exposures reading a parameter logs: those of the experiment that owns it, or those before it took over. */
function parametersOf(decision: Decision, value: unknown): Answer {
  const { explicitParameters, secondaryExposures, undelegatedSecondaryExposures } = decision;
  return Object.fromEntries(
    Object.keys(value as object).map((name) => {
      const isExplicit = explicitParameters.includes(name);
      return [name, textsOf(isExplicit ? secondaryExposures : undelegatedSecondaryExposures)];
    }),
  );
}

/** The same, of theirs. */
function expectedOf(reference: Record<string, Answer>, { kind, name }: Decision): Answer {
  const answer = (key: string): Answer => reference[key] ?? assert.fail(`the reference did not answer ${key}`);
  const pick = (from: Answer) => ({
    ruleID: from.ruleID,
    idType: from.idType,
    version: from.version ?? null,
    value: from.value,
  });
  if (kind === Kind.GATE) {
    const through = answer(`experiment through ${name}`).exposures as string[];
    // Who nests a gate also exposes the gate, last, unless it is a segment.
    return { ...pick(answer(`gate ${name}`)), exposures: name.startsWith('segment:') ? through : through.slice(0, -1) };
  }
  if (kind === Kind.CONFIG) return pick(answer(`config ${name}`));
  const from = answer(kind === Kind.LAYER ? `layer ${name}` : `experiment ${name}`);
  const described = { ...pick(from), groupName: from.groupName ?? '', exposures: from.exposures };
  if (kind !== Kind.LAYER) return described;
  const parameters = Object.entries(from.parameters as Record<string, Answer>);
  return {
    ...described,
    allocated: from.allocated ?? '',
    parameters: Object.fromEntries(parameters.map(([parameter, { exposures }]) => [parameter, exposures ?? []])),
  };
}
