import assert from 'node:assert/strict';
import { ArchiveState, type Condition, type Entity, Section, type SetRef } from '@sluice/proto';
import { type Servers, startServers } from '@sluice/testkit';
import {
  type Authority,
  type Caller,
  freshDatabase,
  gateIn,
  gateOf,
  importInto,
  ruleOf,
  snapshotOf,
  startAuthority,
  timeoutMs,
} from './authority.js';
import { refusal } from './refusals.js';

let sets = 0;

function newSet(): SetRef {
  sets += 1;
  return { project: `entities-${sets}`, environment: 'production' };
}

const conditionOf = (name: string, part: Partial<Condition>): Entity => ({
  name,
  version: 0,
  body: {
    $case: 'condition',
    value: {
      type: 'public',
      idType: 'userID',
      targetValueJson: undefined,
      operator: undefined,
      field: undefined,
      additionalValues: {},
      ...part,
    },
  },
});

const passing = (name: string, gate: string): Entity =>
  conditionOf(name, { type: 'pass_gate', targetValueJson: JSON.stringify(gate) });

const gate = (name: string, percentage: number, conditionIds: string[] = []): Entity =>
  gateOf(name, [ruleOf('everyone', percentage, { conditionIds })]);

describe('entities of the authority', () => {
  let servers: Servers;
  let authority: Authority;
  let root: Caller;
  let set: SetRef;

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    authority = await startAuthority(servers, await freshDatabase(servers));
    root = authority.as();
  });

  beforeEach(async () => {
    set = newSet();
    await importInto(root, set, [gate('checkout', 10)]);
  });

  after(async () => {
    await authority?.stop();
    await servers?.stop();
  });

  const write = (writes: [Entity, number?][], part: { isDryRun?: boolean; expectedRevision?: number } = {}) =>
    root.config.writeEntities(
      {
        set,
        writes: writes.map(([entity, expectedVersion]) => ({ entity, expectedVersion })),
        expectedRevision: part.expectedRevision,
        reason: 'a test',
        isDryRun: part.isDryRun ?? false,
        overrides: [],
      },
      { timeoutMs },
    );
  const refOf = (name: string, section: Section = Section.GATE) => ({ section, name });
  const archive = (name: string, expectedVersion?: number, section: Section = Section.GATE) =>
    root.config.archiveEntity({ set, ref: refOf(name, section), expectedVersion, reason: 'old' }, { timeoutMs });
  const restore = (name: string) =>
    root.config.restoreEntity({ set, ref: refOf(name), reason: 'missed' }, { timeoutMs });
  const get = (name: string, revision = 0) => root.config.getEntity({ set, ref: refOf(name), revision }, { timeoutMs });
  const list = (archiveState: ArchiveState, pageToken = '', pageSize = 0) =>
    root.config.listEntities(
      { set, sections: [], nameContains: '', pageSize, pageToken, archiveState, entity: '' },
      { timeoutMs },
    );
  const passOf = async (name: string): Promise<number | undefined> =>
    (await gateIn(root, set, name)).rules.at(-1)?.passPercentage;

  it('are listed by a part of their name and by their kind', async () => {
    await write([[gateOf('check-in', [])], [gateOf('segment:checked', [], { entity: 'segment' })]]);
    const names = async (nameContains: string, entity: string, sections: Section[] = []) => {
      const wanted = { set, sections, nameContains, pageSize: 0, pageToken: '', archiveState: 0 as const, entity };
      return (await root.config.listEntities(wanted, { timeoutMs })).entities.map(({ ref }) => ref?.name);
    };
    assert.deepEqual(await names('check', ''), ['check-in', 'checkout', 'segment:checked']);
    assert.deepEqual(await names('check', 'feature_gate'), ['check-in', 'checkout']);
    assert.deepEqual(await names('', 'segment'), ['segment:checked']);
    assert.deepEqual(await names('check', '', [Section.CONFIG]), []);
    assert.deepEqual(await names('no such', ''), []);
  });

  describe('written together', () => {
    it('are one revision, or none', async () => {
      const before = await snapshotOf(root, set);
      const written = await write([
        [passing('beta-only', 'beta')],
        [gate('beta', 50)],
        [gate('search', 20, ['beta-only'])],
      ]);
      assert.equal(written.revision, before.revision + 1);
      assert.deepEqual(
        written.entities.map(({ ref, version, isChanged }) => [ref?.name, version, isChanged]),
        [
          ['beta-only', 1, true],
          ['beta', 1, true],
          ['search', 1, true],
        ],
      );
      await assert.rejects(
        write([[gate('fine', 1)], [gate('lost', 1, ['no-such-condition'])]]),
        refusal('invalid', 'gate/lost rules[0].conditionIds[0]', /there is no condition\/no-such-condition/),
      );
      assert.equal((await snapshotOf(root, set)).revision, written.revision);
    });

    it('are no revision when nothing differs', async () => {
      const { revision } = await snapshotOf(root, set);
      const written = await write([[gate('checkout', 10)]]);
      assert.equal(written.revision, revision);
      assert.deepEqual(
        written.entities.map(({ version, isChanged }) => [version, isChanged]),
        [[1, false]],
      );
    });

    it('can be rehearsed: checked in full, and nothing changed', async () => {
      const { revision } = await snapshotOf(root, set);
      const rehearsed = await write([[gate('checkout', 99)]], { isDryRun: true });
      assert.equal(rehearsed.revision, revision + 1);
      assert.equal(await passOf('checkout'), 10);
      await assert.rejects(
        write([[gate('checkout', 999)]], { isDryRun: true }),
        refusal('invalid', undefined, /999|0 to 100/),
      );
    });

    it('show both sides of a conflict', async () => {
      await write([[gate('checkout', 30), 1]]);
      await assert.rejects(write([[gate('checkout', 20), 1]]), (error: unknown) => {
        refusal('conflict', 'writes[0].expected_version', /is at version 2, not 1/)(error);
        refusal('conflict', undefined, /rules\[0\]\.passPercentage: yours 20, stored 30/)(error);
        refusal('conflict', undefined, /"root" wrote it in revision \d+ at 20/)(error);
        return true;
      });
      assert.equal(await passOf('checkout'), 30);
    });

    it('are made only when they are not there, where that is asked', async () => {
      await write([[gate('new', 1), 0]]);
      await assert.rejects(
        write([[gate('new', 2), 0]]),
        refusal('conflict', undefined, /exists already, at version 1/),
      );
      await assert.rejects(write([[gate('newer', 2), 3]]), refusal('not_found', undefined, /expect 0 to create it/));
    });

    it('must be at the expected revision', async () => {
      const { revision } = await snapshotOf(root, set);
      await assert.rejects(
        write([[gate('checkout', 50)]], { expectedRevision: revision + 7 }),
        refusal('conflict', 'expected_revision', new RegExp(`at revision ${revision}, not ${revision + 7}`)),
      );
    });
  });

  describe('that can not be meant', () => {
    const circle = [
      passing('pass-a', 'a'),
      passing('pass-b', 'b'),
      gate('a', 50, ['pass-b']),
      gate('b', 50, ['pass-a']),
    ];
    const bucket = (name: string, from: number, to: number): Entity =>
      conditionOf(name, {
        type: 'user_bucket',
        operator: 'any',
        targetValueJson: JSON.stringify(Array.from({ length: to - from }, (_, i) => from + i)),
        additionalValues: { salt: 'the-layer' },
      });
    const experiment = (name: string): Entity => {
      const made = gateOf(name, [], { entity: 'experiment', defaultValueJson: '{}', isActive: true });
      if (made.body?.$case !== 'gate') throw new Error('gateOf makes gates');
      return { ...made, body: { $case: 'config', value: made.body.value } };
    };
    const layer = (): Entity => {
      const delegate = (id: string, condition: string) =>
        ruleOf(id, 100, { conditionIds: [condition], configDelegate: id, returnValueJson: '{}' });
      const made = gateOf('page', [delegate('one', 'lower'), delegate('two', 'upper')], {
        entity: 'layer',
        defaultValueJson: '{}',
      });
      if (made.body?.$case !== 'gate') throw new Error('gateOf makes gates');
      return { ...made, body: { $case: 'layer', value: made.body.value } };
    };
    const json = (name: string, text: string): Entity => {
      const made = gateOf(name, [], { entity: 'dynamic_config', defaultValueJson: text });
      if (made.body?.$case !== 'gate') throw new Error('gateOf makes gates');
      return { ...made, body: { $case: 'config', value: made.body.value } };
    };
    const cases: [string, Entity[], RegExp][] = [
      ['gates that ask for each other', circle, /asks for itself: .*gate\/a → .*gate\/b/s],
      ['a gate that nobody has', [passing('p', 'chekcout'), gate('x', 1, ['p'])], /no gate\/chekcout.*checkout/],
      [
        'experiments of a layer that share units',
        [bucket('lower', 0, 600), bucket('upper', 500, 1_000), experiment('one'), experiment('two'), layer()],
        /two and one are both given 100 buckets from 500 to 599 of 1000/,
      ],
      [
        'an id list that nobody has',
        [
          conditionOf('l', { type: 'unit_id', operator: 'in_segment_list', targetValueJson: '"vips"' }),
          gate('x', 1, ['l']),
        ],
        /there is no id_list\/vips/,
      ],
      [
        'an expression that is too large',
        [
          conditionOf('r', {
            type: 'user_field',
            field: 'email',
            operator: 'str_matches',
            targetValueJson: '"((a{1000}){1000}){1000}"',
          }),
          gate('x', 1, ['r']),
        ],
        /^conditions\.r: pattern ".*": too large$/,
      ],
      [
        'a value that is no JSON',
        [json('colours', '{"a":')],
        /^configs\.colours\.defaultValue: is not JSON: unexpected end at character 5$/,
      ],
      [
        'JSON that is nested too deep',
        [json('deep', `${'['.repeat(20_000)}${']'.repeat(20_000)}`)],
        /^configs\.deep\.defaultValue: can't be read: nested more than 127 levels deep; it counts as empty$/,
      ],
      [
        'a list of 300,000 values',
        [conditionOf('many', { operator: 'any', targetValueJson: JSON.stringify(Array(300_000).fill('a')) })],
        /^writes\[0\]\.entity: condition\/many compares with 300000 values; the limit is 10000: upload an id list/,
      ],
      [
        'NUL in a name',
        [gate('a\0b', 1)],
        /^writes\[0\]\.entity: "a\\u0000b" has a NUL character in its name; take it out/,
      ],
      ['an entity twice', [gate('x', 1), gate('x', 2)], /gate\/x is there twice/],
      ['no name', [gate('', 1)], /has no name/],
      ['a name that is too long', [gate('n'.repeat(600), 1)], /600 characters; the limit is 512/],
      ['no body', [{ name: 'x', version: 0, body: undefined }], /has no body/],
      [
        'a key',
        [
          {
            name: 'x',
            version: 0,
            body: { $case: 'key', value: { keyClass: 3, project: '', environment: '', canWrite: true, label: '' } },
          },
        ],
        /CreateKey/,
      ],
      [
        'more than 10,000 rules',
        [
          gateOf(
            'x',
            Array.from({ length: 10_001 }, (_, i) => ruleOf(`r${i}`, 1)),
          ),
        ],
        /10001 rules; the limit is 10000/,
      ],
    ];
    for (const [what, entities, message] of cases) {
      it(`are refused: ${what}`, async () => {
        const { revision } = await snapshotOf(root, set);
        await assert.rejects(write(entities.map((one) => [one])), refusal('invalid', undefined, message));
        assert.equal((await snapshotOf(root, set)).revision, revision);
      });
    }

    it('are refused: NUL in a reason', async () => {
      await assert.rejects(
        root.config.archiveEntity(
          { set, ref: refOf('checkout'), expectedVersion: undefined, reason: 'a\0' },
          { timeoutMs },
        ),
        refusal('invalid', 'reason', /has a NUL character/),
      );
    });

    it('are refused: none, and too many', async () => {
      await assert.rejects(write([]), refusal('invalid', 'writes', /empty/));
      const many = Array.from({ length: 1_001 }, (_, i): [Entity] => [gate(`g${i}`, 1)]);
      await assert.rejects(write(many), refusal('invalid', 'writes', /1001; the limit is 1000/));
    });
  });

  describe('archived', () => {
    it('leave the ruleset, can be found, and come back as they were with the next version', async () => {
      const { revision } = await archive('checkout', 1);
      const gone = await snapshotOf(root, set);
      assert.equal(gone.revision, revision);
      assert(!gone.upserts.some(({ name }) => name === 'checkout'));
      assert.deepEqual(
        (await list(ArchiveState.LIVE)).entities.map(({ ref }) => ref?.name),
        [],
      );
      const found = (await list(ArchiveState.ARCHIVED)).entities;
      assert.deepEqual(
        found.map(({ ref, isArchived, changedBy }) => [ref?.name, isArchived, changedBy]),
        [['checkout', true, 'root']],
      );
      assert.equal((await get('checkout')).isArchived, true);
      const back = await restore('checkout');
      assert.equal(back.version, 2);
      assert.equal(await passOf('checkout'), 10);
      assert.equal((await list(ArchiveState.ANY)).entities.length, 1);
    });

    it('must be at the expected version, must be there, and can not go twice', async () => {
      await assert.rejects(archive('checkout', 5), refusal('conflict', 'expected_version', /at version 1, not 5/));
      await assert.rejects(archive('chekout'), refusal('not_found', 'ref.name', /did you mean "?checkout/));
      await archive('checkout');
      await assert.rejects(archive('checkout'), refusal('precondition', 'ref.name', /is archived already: "root"/));
      await restore('checkout');
      await assert.rejects(restore('checkout'), refusal('precondition', 'ref.name', /not archived/));
    });

    it('are not those that others refer to, and these are named', async () => {
      await write([[passing('p', 'checkout')], [gate('search', 50, ['p'])]]);
      await assert.rejects(archive('checkout'), refusal('precondition', 'ref', /condition\/p targetValueJson/));
      await assert.rejects(
        archive('p', undefined, Section.CONDITION),
        refusal('precondition', 'ref', /gate\/search rules\[0\]\.conditionIds\[0\]/),
      );
      await archive('search');
      await archive('p', undefined, Section.CONDITION);
      await archive('checkout');
    });

    it('go on counting where they stopped when they are made anew', async () => {
      await archive('checkout');
      const { entities } = await write([[gate('checkout', 77), 0]]);
      assert.equal(entities[0]?.version, 2);
      assert.deepEqual((await list(ArchiveState.ARCHIVED)).entities, []);
    });
  });

  it('can be read as they were', async () => {
    const first = await snapshotOf(root, set);
    await write([[gate('checkout', 60)]]);
    const past = await get('checkout', first.revision);
    assert(past.entity?.body?.$case === 'gate');
    assert.equal(past.entity.body.value.rules[0]?.passPercentage, 10);
    await assert.rejects(get('checkout', 999), refusal('not_found', 'revision', /there is no revision 999/));
  });

  it('are listed page by page, live and archived ones', async () => {
    await write(Array.from({ length: 25 }, (_, i): [Entity] => [gate(`g${String(i).padStart(2, '0')}`, 1)]));
    await archive('g07');
    const names: (string | undefined)[] = [];
    let pages = 0;
    for (let token = ''; pages === 0 || token !== ''; pages++) {
      const { entities, nextPageToken } = await list(ArchiveState.ANY, token, 10);
      names.push(...entities.map(({ ref }) => ref?.name));
      token = nextPageToken;
    }
    assert.equal(pages, 3);
    assert.deepEqual(names, ['checkout', ...Array.from({ length: 25 }, (_, i) => `g${String(i).padStart(2, '0')}`)]);
    await assert.rejects(list(ArchiveState.ANY, 'made-up'), refusal('invalid', 'page_token', /leave it empty/));
    await assert.rejects(list(ArchiveState.ANY, '', 5_000), refusal('invalid', 'page_size', /at most 1000/));
  });
});
