import assert from 'node:assert/strict';
import { type Entity, Section } from '@sluice/proto';
import fc from 'fast-check';
import type { Head } from './head.js';
import { overridesOf, planDeleteOverride, planPutOverride, requireTarget } from './plan-override.js';
import {
  askConfig,
  askGate,
  askLayer,
  carriedOn,
  conditionOf,
  configOf,
  experimentOf,
  gateOf,
  headWith,
  heldIn,
  layerOf,
  planOf,
  refOf,
  refusal,
  ruleOf,
  specIn,
} from './test/heads.js';
import {
  type Answer,
  listed,
  overrideConditions,
  put,
  remove,
  ruleIds,
  stepsOf,
  units,
  walk,
} from './test/overrides.js';

describe('overrides of a gate', () => {
  const start = headWith(gateOf('g', [ruleOf('half', { passPercentage: 50 })]));

  it('are what their units get, and nobody else, after any puts and deletions', () => {
    fc.assert(
      fc.property(stepsOf([true, false]), (steps) => {
        for (const { head, expected } of walk(start, 'gate/g', steps)) {
          for (const id of [...units, 'eve']) {
            assert.equal(askGate(head, 'g', id).value, expected.get(id) ?? askGate(start, 'g', id).value, id);
          }
          if (expected.size === 0) assert.deepEqual(specIn(head, 'gate/g'), specIn(start, 'gate/g'));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('come first, one rule for each value and id type', () => {
    const head = put(
      put(put(start, 'gate/g', ['ada'], true), 'gate/g', ['bob'], false),
      'gate/g',
      ['acme'],
      true,
      'companyID',
    );
    assert.deepEqual(ruleIds(head, 'gate/g'), [
      'true:userID:id_override',
      'false:userID:id_override',
      'true:companyID:id_override',
      'half',
    ]);
    assert.deepEqual(listed(head, 'gate/g'), ['userID ada true', 'userID bob false', 'companyID acme true']);
    assert.equal(askGate(head, 'g', 'ada').ruleID, 'true:userID:id_override');
  });

  it('of one value are changed in place, sorted, each once', () => {
    const first = put(start, 'gate/g', ['cyd', 'ada'], true);
    const second = put(first, 'gate/g', ['bob', 'ada', 'bob'], true);
    assert.deepEqual(listed(second, 'gate/g'), ['userID ada,bob,cyd true']);
    assert.deepEqual(overrideConditions(second), overrideConditions(first));
    assert.equal(overrideConditions(first).length, 1);
  });

  it('move from one value to the other', () => {
    const head = put(put(start, 'gate/g', ['ada', 'bob'], true), 'gate/g', ['ada'], false);
    assert.deepEqual(listed(head, 'gate/g'), ['userID bob true', 'userID ada false']);
    assert.equal(askGate(head, 'g', 'ada').value, false);
  });

  it('are of one id type', () => {
    const head = put(put(start, 'gate/g', ['ada'], true, 'companyID'), 'gate/g', ['ada'], false);
    assert.equal(askGate(head, 'g', 'ada').value, false);
    assert.equal(askGate(head, 'g', 'ada', 'companyID').value, true);
    const [rest, removed] = remove(head, 'gate/g', ['ada'], 'companyID');
    assert.deepEqual([listed(rest, 'gate/g'), removed], [['userID ada false'], 1]);
  });

  it('tell ids apart by case', () => {
    const pass = headWith(gateOf('g', []));
    const head = put(pass, 'gate/g', ['Ada'], true);
    assert.deepEqual([askGate(head, 'g', 'Ada').value, askGate(head, 'g', 'ada').value], [true, false]);
  });

  it('wait behind the switch of a gate that is off', () => {
    const rule = ruleOf('disabled', { returnValueJson: 'false', salt: '' });
    const off = headWith(gateOf('g', [rule, ruleOf('all')], { enabled: false }));
    const head = put(off, 'gate/g', ['ada'], true);
    assert.deepEqual(ruleIds(head, 'gate/g'), ['disabled', 'true:userID:id_override', 'all']);
    assert.equal(askGate(head, 'g', 'ada').value, false);
    assert.deepEqual(listed(head, 'gate/g'), ['userID ada true']);
    const [back] = remove(head, 'gate/g', ['ada']);
    assert.deepEqual(ruleIds(back, 'gate/g'), ['disabled', 'all']);
    assert.equal(specIn(back, 'gate/g').enabled, false);
  });

  it('are not what an author wrote with a rule of such a name', () => {
    const theirs = ruleOf('x:id_override', { conditionIds: ['theirs'] });
    const condition = conditionOf('theirs', { type: 'unit_id', operator: 'any', targetValueJson: '["ada"]' });
    const held = headWith(gateOf('g', [theirs]), condition);
    assert.deepEqual(listed(held, 'gate/g'), []);
    const [head] = remove(put(held, 'gate/g', ['bob'], true), 'gate/g', []);
    assert.deepEqual(ruleIds(head, 'gate/g'), ['x:id_override']);
    assert(head.entities.has('condition/theirs'));
  });
});

describe('deleted overrides', () => {
  const start = put(put(headWith(gateOf('g', [])), 'gate/g', ['ada', 'bob'], true), 'gate/g', ['cyd'], false);

  it('are counted, and those that were none are not', () => {
    const [head, removed] = remove(start, 'gate/g', ['ada', 'cyd', 'nobody']);
    assert.deepEqual([removed, listed(head, 'gate/g')], [2, ['userID bob true']]);
  });

  it('are all of an id type when no ids are given', () => {
    const both = put(start, 'gate/g', ['acme'], true, 'companyID');
    const [head, removed] = remove(both, 'gate/g', []);
    assert.deepEqual([removed, listed(head, 'gate/g')], [3, ['companyID acme true']]);
    assert.equal(overrideConditions(head).length, 1);
  });

  it('that were none change nothing', () => {
    const { plan, removed } = planDeleteOverride(start, requireTarget(start, refOf('gate/g')), {
      idType: 'userID',
      unitIds: ['nobody'],
    });
    assert.deepEqual([plan, removed], [{ upserts: [], deletions: [] }, 0]);
  });
});

describe('overrides of an experiment', () => {
  const start = headWith(experimentOf('e'));

  it('are groups, with what the group answers', () => {
    assert.equal(askConfig(start, 'e', 'ada', 'experiment').groupName, 'A');
    const head = put(start, 'config/e', ['ada'], 'B');
    const { value, groupName, ruleID } = askConfig(head, 'e', 'ada', 'experiment');
    assert.deepEqual([value, groupName, ruleID], [{ group: 'B' }, 'B', 'B:userID:id_override']);
    assert.equal(askConfig(head, 'e', 'bob', 'experiment').groupName, 'A');
    assert.deepEqual(listed(head, 'config/e'), ['userID ada B']);
  });

  it('follow a group that changed when they are put again, and not one that is gone', () => {
    const held = put(put(start, 'config/e', ['ada'], 'A'), 'config/e', ['bob'], 'B');
    const { rules } = specIn(held, 'config/e');
    const edited = rules
      .filter(({ id }) => id !== 'group B')
      .map((rule) => (rule.id === 'group A' ? { ...rule, returnValueJson: '{"group":"A2"}' } : rule));
    const changed = carriedOn(held, planOf([experimentOf('e', {}, edited)])).head;
    const head = put(changed, 'config/e', ['cyd'], 'A');
    const answers = ['ada', 'cyd'].map((id) => askConfig(head, 'e', id, 'experiment').value);
    assert.deepEqual(answers, [{ group: 'A2' }, { group: 'A2' }]);
    assert.throws(
      () => put(head, 'config/e', ['cyd'], 'B'),
      refusal('not_found', 'value.group_name', /has no group "B"; it has A$/),
    );
  });

  it('are of its groups only, and say which there are', () => {
    const refused = (head: Head, group: string, message: RegExp) =>
      assert.throws(() => put(head, 'config/e', ['ada'], group), refusal('not_found', 'value.group_name', message));
    refused(start, 'Control', /config\/e has no group "Control"; it has A, B/);
    refused(put(start, 'config/e', ['ada'], 'A'), 'A:userID', /it has A, B/);
    refused(headWith(configOf('e', [ruleOf('r')], { entity: 'experiment' })), 'A', /; it has none/);
    const named = headWith(configOf('e', [ruleOf('r', { groupName: 'Treatment' })], { entity: 'experiment' }));
    refused(named, 'Control', /; it has Treatment$/);
    refused(named, 'treatmnt', /did you mean "Treatment"\?/);
  });
});

describe('overrides of a config or layer', () => {
  const rule = (id: string): Entity => configOf('c', [ruleOf(id, { returnValueJson: '{"a":0}' })]);

  it('are objects', () => {
    const head = put(headWith(rule('r')), 'config/c', ['ada'], '{"a":1}');
    assert.deepEqual([askConfig(head, 'c', 'ada').value, askConfig(head, 'c', 'bob').value], [{ a: 1 }, { a: 0 }]);
    assert.deepEqual(listed(head, 'config/c'), ['userID ada {"a":1}']);
    const layer = put(headWith(layerOf('l')), 'layer/l', ['ada'], '{"b":2}');
    assert.deepEqual(askLayer(layer, 'l', 'ada').value, { b: 2 });
  });

  it('are the same object however it is spaced, and another one for another number', () => {
    const two = put(put(headWith(rule('r')), 'config/c', ['ada'], '{"a":1}'), 'config/c', ['bob'], '{ "a": 1 }');
    assert.equal(listed(two, 'config/c').length, 1);
    const [one, other] = ['{"a":9007199254740993}', '{"a":9007199254740992}'];
    const long = put(put(headWith(rule('r')), 'config/c', ['ada'], one), 'config/c', ['bob'], other);
    assert.deepEqual(listed(long, 'config/c'), [`userID ada ${one}`, `userID bob ${other}`]);
  });

  it('know no switch: a rule of its id is a rule like others', () => {
    const start = headWith(rule('disabled'));
    const head = put(start, 'config/c', ['ada'], '{"a":1}');
    assert.deepEqual(askConfig(head, 'c', 'ada').value, { a: 1 });
    assert.deepEqual(askConfig(head, 'c', 'bob').value, { a: 0 });
    const [back] = remove(head, 'config/c', []);
    assert.deepEqual(specIn(back, 'config/c'), specIn(start, 'config/c'));
  });
});

describe('an override that makes no sense', () => {
  const head = headWith(gateOf('checkout'), experimentOf('e'), configOf('c'), layerOf('l'), conditionOf('x'));

  it('is refused for what has none', () => {
    for (const ref of [undefined, refOf('condition/x'), { section: Section.UNSPECIFIED, name: 'checkout' }]) {
      assert.throws(
        () => requireTarget(head, ref),
        refusal('invalid', 'ref', /must name a gate, config, experiment or layer/),
      );
    }
    assert.throws(
      () => requireTarget(head, refOf('gate/chekout')),
      refusal('not_found', 'ref.name', /there is no gate\/chekout; did you mean "checkout"\?/),
    );
    assert.deepEqual(overridesOf(head, heldIn(head, 'condition/x').entity), []);
  });

  it('is refused with a value of the wrong kind', () => {
    const refused = (key: string, value: Answer, message: RegExp) =>
      assert.throws(() => put(head, key, ['ada'], value), refusal('invalid', 'value', message));
    refused('gate/checkout', 'A', /must be a bool_value: gate\/checkout is true or false/);
    refused('gate/checkout', '{}', /must be a bool_value/);
    refused('config/e', true, /must be a group_name/);
    refused('config/c', 'A', /must be json: config\/c answers with an object/);
    refused('layer/l', true, /must be json: layer\/l/);
    const request = { idType: 'userID', unitIds: ['ada'], value: undefined };
    assert.throws(
      () => planPutOverride(head, requireTarget(head, refOf('gate/checkout')), request),
      refusal('invalid', 'value', /must be a bool_value/),
    );
  });

  it('is refused with text that is no object', () => {
    const refused = (json: string, message: RegExp) =>
      assert.throws(
        () =>
          planPutOverride(head, requireTarget(head, refOf('config/c')), {
            ...{ idType: 'userID', unitIds: ['ada'] },
            value: { kind: { $case: 'json', value: json } },
          }),
        refusal('invalid', 'value.json', message),
      );
    refused('{', /is not JSON: /);
    refused('[1]', /must be an object with named parameters/);
    refused('null', /must be an object/);
  });

  it('is refused for too many units, and takes as many as there may be', () => {
    const ids = Array.from({ length: 10_000 }, (_, at) => `unit-${at}`);
    const full = put(head, 'gate/checkout', ids, true);
    assert.throws(
      () => put(full, 'gate/checkout', ['one more'], true),
      refusal('invalid', 'unit_ids', /would make 10001 units for one value; the limit is 10000: use an id list/),
    );
    put(full, 'gate/checkout', ['one more'], false);
    put(full, 'gate/checkout', ids.slice(5), true);
    assert.equal(askGate(full, 'checkout', 'unit-9999').value, true);
  });
});
