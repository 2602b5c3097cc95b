import assert from 'node:assert/strict';
import { IdListBuilder, idListMax, packKeys, unpackKeys } from '@sluice/codec';
import { IdListHeader, IdListMode } from '@sluice/proto';
import fc from 'fast-check';
import type { Head } from './head.js';
import { changeOf, checkHeader, planIdList, requireIdList } from './plan-id-list.js';
import {
  askGate,
  carriedOn,
  conditionOf,
  emptyHead,
  gateOf,
  headWith,
  idListOf,
  refusal,
  ruleOf,
} from './test/heads.js';

const { REPLACE, ADD, REMOVE } = IdListMode;

const headerOf = (mode: IdListMode, part: Partial<IdListHeader> = {}): IdListHeader => ({
  ...IdListHeader.fromPartial({ name: 'testers' }),
  ...{ mode, ...part },
});

function keysOf(ids: readonly string[]): Float64Array {
  const builder = new IdListBuilder();
  for (const id of ids) builder.add(id);
  return builder.finish();
}

const upload = (head: Head, header: IdListHeader, ids: readonly string[]) => planIdList(head, header, keysOf(ids));
const holding = (ids: readonly string[], idType = 'userID') => idListOf('testers', packKeys(keysOf(ids)), idType);
const asking = [
  gateOf('checkout', [ruleOf('r', { conditionIds: ['in'] })]),
  conditionOf('in', { type: 'unit_id', idType: 'userID', operator: 'in_segment_list', targetValueJson: '"testers"' }),
];
const units = ['ada', 'bob', 'cyd', 'dan'];

describe('uploaded ids', () => {
  it('are what evaluators find, after any uploads', () => {
    const uploads = fc.array(fc.tuple(fc.constantFrom(REPLACE, ADD, REMOVE), fc.subarray(units)), { maxLength: 5 });
    fc.assert(
      fc.property(uploads, (all) => {
        let head = headWith(...asking, holding(['ada']));
        let expected = new Set(['ada']);
        for (const [mode, ids] of all) {
          const before = expected;
          if (mode === REPLACE) expected = new Set(ids);
          else if (mode === ADD) expected = new Set([...expected, ...ids]);
          else expected = new Set([...expected].filter((id) => !ids.includes(id)));
          const { plan, size, added, removed } = upload(head, headerOf(mode), ids);
          head = carriedOn(head, plan).head;
          assert.equal(size, expected.size);
          assert.equal(added, [...expected].filter((id) => !before.has(id)).length);
          assert.equal(removed, [...before].filter((id) => !expected.has(id)).length);
          assert.deepEqual(
            units.filter((id) => askGate(head, 'checkout', id).value),
            units.filter((id) => expected.has(id)),
          );
        }
      }),
      { numRuns: 50 },
    );
  });

  it('change nothing when they are there already', () => {
    const head = headWith(holding(['bob', 'ada']));
    assert.deepEqual(carriedOn(head, upload(head, headerOf(ADD), ['ada']).plan).upserts, []);
    assert.deepEqual(carriedOn(head, upload(head, headerOf(REPLACE), ['ada', 'bob', 'ada']).plan).upserts, []);
  });

  it('make a list that is not there, of user ids unless said', () => {
    const idTypeOf = (mode: IdListMode, idType: string): string => {
      const { head } = carriedOn(emptyHead, upload(emptyHead, headerOf(mode, { idType }), ['ada']).plan);
      return requireIdList(head, 'testers').list.idType;
    };
    assert.equal(idTypeOf(ADD, ''), 'userID');
    assert.equal(idTypeOf(REPLACE, 'companyID'), 'companyID');
  });

  it('can not leave a list that is not there', () => {
    assert.throws(
      () => upload(emptyHead, headerOf(REMOVE), ['ada']),
      refusal('not_found', 'header.name', /there is no id list "testers", so nothing can leave it/),
    );
  });

  it('are of the type of the list, unless they replace it', () => {
    const head = headWith(holding(['ada'], 'companyID'));
    for (const mode of [ADD, REMOVE]) {
      assert.throws(
        () => upload(head, headerOf(mode, { idType: 'userID' }), ['bob']),
        refusal('invalid', 'header.id_type', /is userID, but testers holds ids of companyID/),
      );
      upload(head, headerOf(mode, { idType: 'companyID' }), ['bob']);
    }
    const idTypeAfter = (idType: string): string =>
      requireIdList(carriedOn(head, upload(head, headerOf(REPLACE, { idType }), ['bob']).plan).head, 'testers').list
        .idType;
    assert.deepEqual([idTypeAfter('userID'), idTypeAfter('')], ['userID', 'companyID']);
  });

  it('may not be too many', () => {
    const full = Float64Array.from({ length: idListMax }, (_, at) => at);
    const head = headWith(idListOf('testers', packKeys(full)));
    assert.equal(planIdList(head, headerOf(ADD), full.subarray(0, 5)).size, idListMax);
    assert.throws(
      () => planIdList(head, headerOf(ADD), Float64Array.of(idListMax)),
      refusal('invalid', 'chunk.unit_ids', /at most 1,000,000 ids/),
    );
  });

  it('replace a list that can not be read, and do not join it', () => {
    const head = headWith(idListOf('testers', 'not Base64 .....'));
    const { plan, size, added } = upload(head, headerOf(REPLACE), ['ada']);
    assert.deepEqual([size, added], [1, 1]);
    const { list } = requireIdList(carriedOn(head, plan).head, 'testers');
    assert.deepEqual(unpackKeys(list.keys), keysOf(['ada']));
    assert.throws(
      () => upload(head, headerOf(ADD), ['ada']),
      refusal(
        'precondition',
        'header.name',
        /the stored list has characters that are not Base64; replace it as a whole/,
      ),
    );
  });
});

describe("an upload's header", () => {
  it('says what to do, and with which list', () => {
    assert.deepEqual(
      [REPLACE, ADD, REMOVE].map((mode) => changeOf(headerOf(mode))),
      ['replace', 'add', 'remove'],
    );
    assert.throws(() => changeOf(headerOf(0)), refusal('invalid', 'header.mode', /choose REPLACE, ADD or REMOVE/));
    assert.throws(() => changeOf(headerOf(ADD, { name: '' })), refusal('invalid', 'header.name', /is empty/));
  });

  it('names a list and an id type that are short enough', () => {
    const long = { name: 'n'.repeat(513), idType: 'u'.repeat(65) };
    changeOf(headerOf(ADD, { name: 'n'.repeat(512), idType: 'u'.repeat(64) }));
    assert.throws(
      () => changeOf(headerOf(ADD, { name: long.name })),
      refusal('invalid', 'header.name', /has 513 characters; the limit is 512/),
    );
    assert.throws(
      () => changeOf(headerOf(ADD, { idType: long.idType })),
      refusal('invalid', 'header.id_type', /has 65 characters; the limit is 64/),
    );
  });

  it('is refused before any ids come when these could not', () => {
    const head = headWith(holding(['ada'], 'companyID'));
    checkHeader(head, headerOf(ADD));
    assert.throws(() => checkHeader(emptyHead, headerOf(REMOVE)), refusal('not_found', 'header.name', /no id list/));
    assert.throws(
      () => checkHeader(head, headerOf(ADD, { idType: 'userID' })),
      refusal('invalid', 'header.id_type', /holds ids of companyID/),
    );
  });
});

describe('an id list that is asked for', () => {
  it('is there, or one of a similar name is told', () => {
    const head = headWith(holding(['ada']), gateOf('tester'));
    assert.equal(requireIdList(head, 'testers').held.entity.version, 1);
    assert.throws(
      () => requireIdList(head, 'tester'),
      refusal('not_found', 'ref.name', /there is no id_list\/tester; did you mean "testers"\?/),
    );
  });
});
