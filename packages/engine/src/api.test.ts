import assert from 'node:assert/strict';
import {
  evaluateAll,
  evaluateConfig,
  evaluateGate,
  evaluateLayer,
  explainGate,
  explainLayer,
  openSession,
} from './api.js';
import { idListKey } from './bucket.js';
import { initializeResponse } from './client/response.js';
import { patch } from './compile.js';
import { loadCountryTable } from './country.js';
import { DenseIdList } from './dense-id-list.js';
import { evaluateParameter, isSameType } from './parameters.js';
import {
  compileDocument,
  context,
  makeCondition,
  makeConfig,
  makeFieldCondition,
  makeGate,
  makeRule,
  programOf,
} from './ruleset-fixture.js';
import { evaluateStickyExperiment } from './sticky.js';
import { parseUserAgent } from './user-agent.js';

const user = { userID: 'u', email: 'a@x.com', custom: { plan: 'pro' } };

const { program } = compileDocument({
  condition_map: {
    always: makeCondition('public', null, null),
    pro: makeFieldCondition('plan', 'any', ['pro']),
    free: makeFieldCondition('plan', 'any', ['free']),
    later: makeFieldCondition('email', 'str_contains_any', ['@x']),
    inner: makeCondition('pass_gate', null, 'inner'),
    odd: makeFieldCondition('plan', 'odd', null),
  },
  feature_gates: {
    inner: makeGate([makeRule('inner-rule', ['pro'])]),
    outer: makeGate([
      makeRule(
        'first',
        ['free', 'missing-later', 'later'].filter((id) => id !== 'missing-later'),
      ),
      makeRule('second', ['inner', 'pro'], { passPercentage: 50, groupName: 'half' }),
      makeRule('third', ['always']),
    ]),
    odd: makeGate([makeRule('r', ['pro', 'odd'])]),
  },
  dynamic_configs: {
    e: makeConfig([makeRule('group', ['inner'], { returnValue: { a: 1 }, groupName: 'A', isExperimentGroup: true })], {
      isActive: true,
      explicitParameters: ['a'],
    }),
    c: makeConfig([], { entity: 'dynamic_config' }),
  },
  layer_configs: { l: makeConfig([makeRule('to-e', ['pro'], { configDelegate: 'e' })], { entity: 'layer' }) },
  param_stores: {
    p: {
      parameters: {
        fixed: { ref_type: 'static', param_type: 'number', value: 7 },
        gated: { ref_type: 'gate', param_type: 'string', gate_name: 'inner', pass_value: 'yes', fail_value: 'no' },
        ofLayer: { ref_type: 'layer', param_type: 'number', layer_name: 'l', param_name: 'a' },
        ofNothing: { ref_type: 'experiment', param_type: 'number', experiment_name: 'none', param_name: 'a' },
      },
    },
  },
});

describe('explanations', () => {
  it('tell every rule and condition, also those that were not reached', () => {
    const { decision, trace } = explainGate(program, 'outer', user, context);
    assert.deepEqual(decision, evaluateGate(program, 'outer', user, context));
    const [outer] = trace;
    assert.ok(outer);
    const [first, second, third] = outer.rules;
    assert.deepEqual(
      first?.conditions.map(({ id, value, outcome }) => [id, value, outcome]),
      [
        ['free', 'pro', 'fails'],
        ['later', 'a@x.com', 'holds'],
      ],
    );
    assert.equal(first?.outcome, 'conditions failed');
    assert.equal(second?.threshold, 5000);
    assert.equal(second?.outcome, (second?.bucket ?? 0) < 5000 ? 'passed' : 'failed percentage');
    assert.deepEqual(
      second?.conditions[0]?.nested.map(({ name, ruleID, passed }) => [name, ruleID, passed]),
      [['inner', 'inner-rule', true]],
    );
    assert.equal(third?.outcome, 'not evaluated');
    assert.equal(third?.conditions[0]?.outcome, 'not evaluated');
    assert.equal(outer.ruleID, 'second');
  });

  it('tell delegates and what is unsupported', () => {
    const [layer] = explainLayer(program, 'l', user, context).trace;
    assert.equal(layer?.rules[0]?.outcome, 'delegated');
    assert.equal(layer?.rules[0]?.nested[0]?.name, 'e');
    const [odd] = explainGate(program, 'odd', user, context).trace;
    assert.deepEqual(
      odd?.rules[0]?.conditions.map(({ outcome }) => outcome),
      ['holds', 'unsupported'],
    );
    assert.deepEqual(explainGate(program, 'nothing', user, context).trace, []);
  });
});

describe('sessions', () => {
  it('answer as separate calls do', () => {
    const session = openSession(program, user, context);
    for (const name of ['outer', 'odd', 'inner', 'nothing', 'outer']) {
      assert.deepEqual(session.gate(name), evaluateGate(program, name, user, context), name);
    }
    assert.deepEqual(session.layer('l'), evaluateLayer(program, 'l', user, context));
    const all = evaluateAll(program, user, context);
    assert.deepEqual(all.configs.get('e'), evaluateConfig(program, 'e', user, context, 'experiment'));
    assert.deepEqual([...all.gates.keys()], ['inner', 'outer', 'odd']);
  });
});

describe('parameters', () => {
  it('take their value from what they refer to', () => {
    const read = (name: string) => evaluateParameter(program, 'p', name, user, context);
    assert.equal(read('fixed').value, 7);
    assert.deepEqual([read('gated').value, read('gated').source?.name], ['yes', 'inner']);
    assert.deepEqual([read('ofLayer').value, read('ofLayer').layerParameter], [1, 'a']);
    assert.equal(read('ofNothing').value, undefined);
    assert.equal(read('unheard of').value, undefined);
    assert.equal(evaluateParameter(program, 'nowhere', 'x', user, context).value, undefined);
    assert.ok(isSameType([], [1]) && !isSameType({}, []) && !isSameType(null, {}));
  });
});

describe('sticky assignment', () => {
  const hasStorage = true;

  it('saves a group, keeps it, and deletes it without persisted values', () => {
    const first = evaluateStickyExperiment(program, 'e', user, context, { hasStorage, userPersistedValues: {} });
    assert.equal(first.action.kind, 'save');
    assert.ok(first.action.kind === 'save');
    assert.deepEqual([first.action.key, first.action.value.rule_id], ['u:userID', 'group']);
    const other = { userID: 'u', custom: { plan: 'free' } };
    const userPersistedValues = { e: first.action.value };
    const kept = evaluateStickyExperiment(program, 'e', other, context, { hasStorage, userPersistedValues });
    assert.deepEqual([kept.decision.value, kept.decision.reason, kept.action.kind], [{ a: 1 }, 'Persisted', 'none']);
    const deleted = evaluateStickyExperiment(program, 'e', other, context, { hasStorage });
    assert.equal(deleted.action.kind, 'delete');
    assert.equal(evaluateStickyExperiment(program, 'e', user, context, { hasStorage: false }).action.kind, 'none');
  });
});

describe('client response', () => {
  it('hides names, leaves segments out and shares exposures and values when asked to', () => {
    const plain = initializeResponse(program, user, context, { hashAlgorithm: 'none' });
    const configs = plain.dynamic_configs as Record<string, Record<string, unknown>>;
    assert.deepEqual(configs.e, {
      name: 'e',
      rule_id: 'group',
      secondary_exposures: [{ gate: 'inner', gateValue: 'true', ruleID: 'inner-rule' }],
      id_type: 'userID',
      value: { a: 1 },
      is_device_based: false,
      explicit_parameters: ['a'],
      group_name: 'A',
      is_experiment_active: true,
      is_user_in_experiment: true,
    });
    const shared = initializeResponse(program, user, context, { hashAlgorithm: 'none', format: 1 });
    assert.deepEqual(Object.keys(shared.exposures as object).length, 1);
    const short = initializeResponse(program, user, context, { hashAlgorithm: 'none', format: 2 });
    assert.deepEqual((short.feature_gates as Record<string, unknown>).inner, { r: 'inner-rule', i: 'userID', v: true });
    assert.equal(short.response_format, 'init-v2');
    assert.ok(!('inner' in (initializeResponse(program, user, context).feature_gates as object)));
  });
});

describe('id lists', () => {
  it('agree with a set through additions and removals', () => {
    const dense = new DenseIdList();
    const set = new Set<string>();
    let seed = 1;
    const next = (limit: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % limit;
    };
    for (let i = 0; i < 20_000; i++) {
      const key = next(20) === 0 ? `odd${next(50)}` : idListKey(`unit-${next(3000)}`);
      if (next(3) === 0) {
        dense.delete(key);
        set.delete(key);
      } else {
        dense.add(key);
        set.add(key);
      }
    }
    assert.equal(dense.size, set.size);
    for (let i = 0; i < 3000; i++) assert.equal(dense.has(idListKey(`unit-${i}`)), set.has(idListKey(`unit-${i}`)));
    for (let i = 0; i < 50; i++) assert.equal(dense.has(`odd${i}`), set.has(`odd${i}`));
    dense.add('////////');
    assert.ok(dense.has('////////') && !dense.has('///////+'));
  });

  it('read the lines of a list file', () => {
    const list = new DenseIdList();
    list.applyLines('+AAAAAAAA\r\n+BBBBBBBB\n\n-AAAAAAAA\n?x\n+');
    assert.deepEqual([list.has('AAAAAAAA'), list.has('BBBBBBBB'), list.size], [false, true, 1]);
  });

  it('are asked by conditions under the hash of the unit', () => {
    const base = programOf(makeCondition('unit_id', 'in_segment_list', 'vips'));
    const { program: listed } = patch(base, { idLists: { upserts: [['vips', new Set([idListKey('u')])]] } });
    assert.equal(evaluateGate(listed, 'g', { userID: 'u' }, context).value, true);
    assert.equal(evaluateGate(listed, 'g', { userID: 'v' }, context).value, false);
    assert.equal(evaluateGate(base, 'g', { userID: 'u' }, context).value, false);
  });
});

describe('countries', () => {
  // US up to 1.0.0.0, nothing known for 256 addresses, DE for 65,536 addresses behind them.
  const bytes = [...'USDE--**'].map((letter) => letter.charCodeAt(0));
  const countries = loadCountryTable(Uint8Array.from([...bytes, 243, 0, 0, 1, 0, 1, 2, 242, 0, 1, 1]));
  const gate = programOf(makeCondition('ip_based', 'any', ['US', 'DE'], { field: 'country' }));
  const ask = (ip: string) => evaluateGate(gate, 'g', { userID: 'u', ip }, { ...context, countries });

  it('come from the address', () => {
    assert.deepEqual(
      ['0.9.9.9', '1.0.0.5', '1.0.1.0', '9.9.9.9'].map((ip) => ask(ip).value),
      [true, false, true, false],
    );
  });

  it('are unknown for what is no address, and where the reference crashes', () => {
    for (const ip of ['256.0.0.0', '999.1.1.1', '1.2.3', '::1', 'a.b.c.d', '-1.0.0.0'])
      assert.equal(ask(ip).value, false, ip);
  });

  it('say when the table is not there', () => {
    const decision = evaluateGate(gate, 'g', { userID: 'u', ip: '1.1.1.1' }, context);
    assert.equal(decision.reason, 'CountryLookupNotLoaded:Recognized');
    assert.equal(evaluateGate(gate, 'g', { userID: 'u', ip: '::1' }, context).reason, 'Recognized');
  });
});

describe('user agents', () => {
  it('are read as the reference reads them', () => {
    const cases: [string, string][] = [
      [
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
        'Windows 10 Chrome 120.0.0.0',
      ],
      [
        'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1',
        'iOS 17.1 Mobile Safari 17.1',
      ],
      ['Mac OS 5 Firefox/1', 'Mac OS X 5 Other 0.0.0'],
      ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Other 0.0.0 Googlebot 2.1'],
      ['', 'Other 0.0.0 Other 0.0.0'],
    ];
    for (const [text, expected] of cases) {
      const agent = parseUserAgent(text);
      assert.equal([agent?.osName, agent?.osVersion, agent?.browserName, agent?.browserVersion].join(' '), expected);
    }
    assert.equal(parseUserAgent('x'.repeat(1001)), undefined);
  });
});
