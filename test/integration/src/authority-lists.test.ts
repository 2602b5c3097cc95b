import assert from 'node:assert/strict';
import {
  type Entity,
  EvaluateRequest,
  type IdListHeader,
  IdListMode,
  Kind,
  type OverrideValue,
  Section,
  type SetRef,
  type UploadIdListRequest,
} from '@sluice/proto';
import { type Servers, startServers, temporaryFolder } from '@sluice/testkit';
import {
  type Authority,
  type Caller,
  freshDatabase,
  gateOf,
  importInto,
  ruleOf,
  snapshotOf,
  startAuthority,
  timeoutMs,
} from './authority.js';
import { type RunningEvaluator, startEvaluator } from './evaluator.js';
import { refusal } from './refusals.js';

const set: SetRef = { project: 'lists', environment: 'production' };

const vipsOnly: Entity[] = [
  {
    name: 'in-vips',
    version: 0,
    body: {
      $case: 'condition',
      value: {
        type: 'unit_id',
        idType: 'userID',
        operator: 'in_segment_list',
        targetValueJson: '"vips"',
        field: undefined,
        additionalValues: {},
      },
    },
  },
  gateOf('lounge', [ruleOf('vips', 100, { conditionIds: ['in-vips'] })]),
];

describe('id lists and overrides of the authority', () => {
  let servers: Servers;
  let authority: Authority;
  let evaluator: RunningEvaluator;
  let root: Caller;
  let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined;

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    authority = await startAuthority(servers, await freshDatabase(servers));
    root = authority.as();
    await importInto(root, set, [gateOf('checkout', [ruleOf('everyone', 0)])]);
    folder = await temporaryFolder();
    const configTarget = `static:///${authority.address}`;
    evaluator = await startEvaluator({ natsUrl: servers.natsUrl, configTarget, stateDir: folder.path });
  });

  after(async () => {
    await evaluator?.stop();
    await authority?.stop();
    await servers?.stop();
    await folder?.remove();
  });

  const emptyHeader: IdListHeader = {
    ...{ set, name: 'vips', mode: IdListMode.REPLACE, idType: '', reason: 'a test', expectedVersion: undefined },
  };
  const upload = (chunks: Iterable<string[]>, header: Partial<IdListHeader> = {}) => {
    function* parts(): Iterable<UploadIdListRequest> {
      yield { part: { $case: 'header', value: { ...emptyHeader, ...header } } };
      for (const unitIds of chunks) yield { part: { $case: 'chunk', value: { unitIds } } };
    }
    return root.config.uploadIdList(parts(), { timeoutMs: 120_000 });
  };
  const describeList = (unitIds: string[]) => root.config.describeIdList({ set, name: 'vips', unitIds }, { timeoutMs });

  const check = async (name: string, userId: string, minRevision: number) => {
    const request = EvaluateRequest.fromPartial({
      ...{ set, minRevision, isExposureDisabled: true },
      keys: [{ kind: Kind.GATE, name }],
      user: { userId },
    });
    const { decisions } = await evaluator.evaluation.evaluate(request, { timeoutMs });
    return decisions[0];
  };

  describe('a list', () => {
    it('is replaced, added to and taken from, without doubles, and decides', async () => {
      const one = await upload([['ada', 'bob', 'ada'], ['cyd']]);
      assert.deepEqual([one.size, one.added, one.removed, one.version], [3, 3, 0, 1]);
      await root.config.writeEntities(
        {
          set,
          writes: vipsOnly.map((entity) => ({ entity, expectedVersion: undefined })),
          expectedRevision: undefined,
          reason: '',
          isDryRun: false,
          overrides: [],
        },
        { timeoutMs },
      );
      const more = await upload([['dan', 'ada']], { mode: IdListMode.ADD });
      assert.deepEqual([more.size, more.added, more.removed], [4, 1, 0]);
      assert.equal((await check('lounge', 'dan', more.revision))?.gateValue, true);
      const less = await upload([['dan', 'nobody']], { mode: IdListMode.REMOVE });
      assert.deepEqual([less.size, less.added, less.removed], [3, 0, 1]);
      assert.equal((await check('lounge', 'dan', less.revision))?.gateValue, false);
      const { size, idType, heldUnitIds } = await describeList(['ada', 'dan', 'cyd']);
      assert.deepEqual([size, idType, heldUnitIds], [3, 'userID', ['ada', 'cyd']]);
      const same = await upload([['cyd', 'bob', 'ada']]);
      assert.equal(same.revision, less.revision);
    });

    it('takes a million ids, and no more', async function () {
      this.timeout(180_000);
      function* ids(count: number): Iterable<string[]> {
        for (let start = 0; start < count; start += 50_000) {
          yield Array.from({ length: Math.min(50_000, count - start) }, (_, i) => `user-${start + i}`);
        }
      }
      const { size, revision } = await upload(ids(1_000_000), { name: 'everybody' });
      assert.equal(size, 1_000_000);
      await assert.rejects(
        upload(ids(1_000_001), { name: 'everybody' }),
        refusal('invalid', 'chunk.unit_ids', /at most 1,000,000 ids/),
      );
      const added = await upload([['user-999999', 'user-5']], { name: 'everybody', mode: IdListMode.ADD });
      assert.equal(added.revision, revision);
      await assert.rejects(
        upload([['one-more']], { name: 'everybody', mode: IdListMode.ADD }),
        refusal('invalid', 'chunk.unit_ids', /1,000,000/),
      );
    });

    it('is not taken from where it is not, or with another id type', async () => {
      await assert.rejects(
        upload([['ada']], { name: 'nobodys', mode: IdListMode.REMOVE }),
        refusal('not_found', 'header.name', /there is no id list/),
      );
      await assert.rejects(
        upload([['acme']], { mode: IdListMode.ADD, idType: 'companyID' }),
        refusal('invalid', 'header.id_type', /holds ids of userID/),
      );
      await assert.rejects(
        upload([['a']], { expectedVersion: 99 }),
        refusal('conflict', 'header.expected_version', /not 99/),
      );
    });

    const bad: [string, Iterable<string[]>, Partial<IdListHeader>, string, RegExp][] = [
      ['an empty id', [['ada', '']], {}, 'chunk.unit_ids[1]', /is empty/],
      ['an id of 64 KB', [['x'.repeat(65_536)]], {}, 'chunk.unit_ids[0]', /65536 characters/],
      ['no mode', [['ada']], { mode: IdListMode.UNSPECIFIED }, 'header.mode', /REPLACE, ADD or REMOVE/],
      ['no name', [['ada']], { name: '' }, 'header.name', /name the list/],
      ['a name of 5,000 characters', [['ada']], { name: 'n'.repeat(5_000) }, 'header.name', /the limit is 512/],
      ['a long id type', [['ada']], { idType: 'u'.repeat(9_000) }, 'header.id_type', /the limit is 64/],
      ['NUL in a name', [['ada']], { name: 'vi\0ps' }, 'header.name', /NUL/],
      ['a long reason', [['ada']], { reason: 'x'.repeat(2_000) }, 'reason', /at most 1000/],
    ];
    for (const [what, chunks, header, field, message] of bad) {
      it(`refuses ${what}`, async () => {
        await assert.rejects(upload(chunks, header), refusal('invalid', field, message));
      });
    }

    it('of a set that is not there is refused before any ids come', async () => {
      async function* waiting(): AsyncIterable<UploadIdListRequest> {
        const nowhere = { project: 'nowhere', environment: 'production' };
        yield { part: { $case: 'header', value: { ...emptyHeader, set: nowhere } } };
        await new Promise(() => undefined);
      }
      await assert.rejects(
        root.config.uploadIdList(waiting(), { timeoutMs }),
        refusal('not_found', 'set', /nowhere\/production does not exist/),
      );
    });

    it('needs a header, once and first', async () => {
      const chunk: UploadIdListRequest = { part: { $case: 'chunk', value: { unitIds: ['a'] } } };
      await assert.rejects(root.config.uploadIdList([chunk], { timeoutMs }), refusal('invalid', 'header', /missing/));
      await assert.rejects(root.config.uploadIdList([], { timeoutMs }), refusal('invalid', 'header', /missing/));
    });
  });

  describe('an override', () => {
    const put = (name: string, unitIds: string[], kind: OverrideValue['kind'], section: Section = Section.GATE) =>
      root.config.putOverride(
        { set, ref: { section, name }, idType: '', unitIds, value: kind && { kind }, reason: 'a test' },
        { timeoutMs },
      );
    const drop = (name: string, unitIds: string[]) =>
      root.config.deleteOverride(
        { set, ref: { section: Section.GATE, name }, idType: '', unitIds, reason: '' },
        { timeoutMs },
      );
    const list = async (name?: string) =>
      (
        await root.config.listOverrides(
          { set, ref: name === undefined ? undefined : { section: Section.GATE, name }, pageSize: 0, pageToken: '' },
          { timeoutMs },
        )
      ).overrides;

    it('gives a unit one answer, moves to another, and goes', async () => {
      const yes = await put('checkout', ['ada', 'bob'], { $case: 'boolValue', value: true });
      const decision = await check('checkout', 'ada', yes.revision);
      assert.equal(decision?.gateValue, true);
      assert.equal(decision?.ruleId, 'true:userID:id_override');
      assert.equal((await check('checkout', 'cyd', yes.revision))?.gateValue, false);
      assert.equal((await check('checkout', 'ADA', yes.revision))?.gateValue, false);
      const no = await put('checkout', ['ada'], { $case: 'boolValue', value: false });
      assert.equal((await check('checkout', 'ada', no.revision))?.gateValue, false);
      assert.deepEqual(
        (await list('checkout')).map(({ unitIds, value }) => [value?.kind?.value, unitIds]),
        [
          [true, ['bob']],
          [false, ['ada']],
        ],
      );
      const gone = await drop('checkout', []);
      assert.equal(gone.removed, 2);
      assert.deepEqual(await list(), []);
      const { upserts } = await snapshotOf(root, set);
      assert(!upserts.some(({ name }) => name.startsWith('override:')), 'conditions of overrides must go with them');
      assert.equal((await drop('checkout', ['ada'])).revision, gone.revision);
    });

    it('must fit its entity', async () => {
      await assert.rejects(
        put('checkout', ['ada'], { $case: 'json', value: '{}' }),
        refusal('invalid', 'value', /bool_value/),
      );
      await assert.rejects(
        put('chekout', ['ada'], { $case: 'boolValue', value: true }),
        refusal('not_found', 'ref.name', /checkout/),
      );
      await assert.rejects(
        put('checkout', [], { $case: 'boolValue', value: true }),
        refusal('invalid', 'unit_ids', /empty/),
      );
      await assert.rejects(
        put('vips', ['ada'], { $case: 'boolValue', value: true }, Section.ID_LIST),
        refusal('invalid', 'ref', /only these have overrides/),
      );
    });
  });
});
