import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { compile, evaluateConfig, evaluateGate, evaluateLayer, type Program, type User } from '@sluice/engine';
import { rulesetFromEntities } from '../ruleset.js';
import { readAuthoring } from './index.js';

const storefront = readFileSync(new URL('../../../../examples/storefront.yaml', import.meta.url), 'utf8');
const units = Array.from({ length: 4000 }, (_, index) => `unit-${index}`);
const context = { now: Date.parse('2026-12-24T12:00:00Z'), environment: { tier: 'production' } };

function programOf(text: string): Program {
  const { program, problems } = compile(rulesetFromEntities(readAuthoring(text).entities));
  assert.deepEqual(problems, []);
  return program;
}

const share = (users: readonly User[], isIn: (user: User) => boolean): number =>
  users.filter(isIn).length / users.length;
const everyone = units.map((userID): User => ({ userID }));

/** The gate of `gateWith`, decided for one user. */
function isPassed(condition: string, user: User, now = context.now): boolean {
  const text = `project: p\nsegments: {vip: {when: [{field: plan, is: pro}]}}\ngates:\n  other: {rules: [{name: r, when: [{unit: userID, is: a}]}]}\n  it: {rules: [{name: r, when: [${condition}]}]}\n`;
  return evaluateGate(programOf(text), 'it', user, { ...context, now }).value;
}

describe('conditions of the friendly form decide as they read', () => {
  const cases: [string, User, boolean][] = [
    ['{everyone: true}', {}, true],
    ['{field: email, ends_with: ["@x.io"]}', { email: 'Ann@X.io' }, true],
    ['{field: email, ends_with: "@x.io"}', { email: 'ann@y.io' }, false],
    ['{field: plan, is: [pro, 1]}', { custom: { plan: 'PRO' } }, true],
    ['{field: plan, is: [pro, 1]}', { custom: { plan: 1 } }, true],
    ['{field: plan, is_exactly: pro}', { custom: { plan: 'PRO' } }, false],
    ['{field: plan, is_not: [guest]}', {}, true],
    ['{field: plan, is_not_exactly: [guest]}', { custom: { plan: 'guest' } }, false],
    ['{field: plan, contains: [r]}', { custom: { plan: 'pro' } }, true],
    ['{field: plan, contains_none: [r]}', { custom: { plan: 'pro' } }, false],
    ['{field: plan, starts_with: [p]}', { custom: { plan: 'pro' } }, true],
    ['{field: plan, matches: "^p.o$"}', { custom: { plan: 'pro' } }, true],
    ['{field: plan, equals: null}', {}, true],
    ['{field: plan, not_equals: true}', { custom: { plan: true } }, false],
    ['{field: orders, at_least: 5, less_than: 10}', { custom: { orders: 5 } }, true],
    ['{field: orders, at_least: 5, less_than: 10}', { custom: { orders: 10 } }, false],
    ['{field: orders, greater_than: 5}', { custom: { orders: 5 } }, false],
    ['{field: orders, at_most: 5}', { custom: { orders: '5' } }, true],
    ['{field: tags, has_any: [a, b]}', { custom: { tags: ['b'] } }, true],
    ['{field: tags, has_all: [a, b]}', { custom: { tags: ['b'] } }, false],
    ['{field: tags, has_none: [a]}', { custom: { tags: ['b'] } }, true],
    ['{field: tags, lacks_any: [a, b]}', { custom: { tags: ['b'] } }, true],
    ['{field: joined, before: 2026-01-01}', { custom: { joined: '2025-12-31T00:00:00Z' } }, true],
    ['{field: joined, on: 2026-01-01}', { custom: { joined: '2026-01-01T23:00:00Z' } }, true],
    ['{unit: companyID, is: [acme]}', { customIDs: { companyID: 'acme' } }, true],
    ['{unit: companyID, is: [acme]}', { userID: 'acme' }, false],
    ['{country: DE}', { country: 'de' }, true],
    ['{field: country, is_not: [DE]}', { country: 'FR' }, true],
    ['{field: browser_name, is: [Chrome]}', { custom: { browser_name: 'chrome' } }, true],
    ['{app_version: {at_least: "2.9", below: "3"}}', { appVersion: '2.10' }, true],
    ['{app_version: {at_least: "2.9", below: "3"}}', { appVersion: '3.0' }, false],
    ['{environment: [production]}', {}, true],
    ['{environment: staging}', {}, false],
    ['{segment: vip}', { custom: { plan: 'pro' } }, true],
    ['{not_segment: vip}', { custom: { plan: 'pro' } }, false],
    ['{gate: other}', { userID: 'a' }, true],
    ['{not_gate: other}', { userID: 'a' }, false],
    ['{percentage: 0}', { userID: 'a' }, false],
    ['{percentage: 100}', { userID: 'a' }, true],
  ];
  for (const [condition, user, expected] of cases) {
    it(`${condition} for ${JSON.stringify(user)} is ${expected}`, () => {
      assert.equal(isPassed(condition, user), expected);
    });
  }

  it('opens and closes by the clock', () => {
    const season = '{time: {after: 2026-12-01, before: 2027-01-01}}';
    const at = (day: string): boolean => isPassed(season, {}, Date.parse(day));
    assert.deepEqual([at('2026-11-30'), at('2026-12-02'), at('2027-01-02')], [false, true, false]);
  });

  it('picks the same share of units wherever the salt is the same', () => {
    const inFirst = everyone.filter((user) => isPassedOnce.first(user));
    assert.ok(Math.abs(inFirst.length / units.length - 0.3) < 0.03);
    assert.deepEqual(
      inFirst.filter((user) => !isPassedOnce.second(user)),
      [],
    );
  });
});

const isPassedOnce = (() => {
  const text =
    'project: p\ngates:\n  a: {rules: [{name: r, when: [{percentage: 30, salt: s}]}]}\n  b: {rules: [{name: r, when: [{percentage: 40, salt: s}]}]}\n';
  let program: Program | undefined;
  const decide =
    (name: string) =>
    (user: User): boolean => {
      program ??= programOf(text);
      return evaluateGate(program, name, user, context).value;
    };
  return { first: decide('a'), second: decide('b') };
})();

describe('gates of the friendly form', () => {
  const gate = (fields: string): string => `project: p\ngates: {it: {${fields}}}\n`;
  const passes = (text: string): User[] => {
    const program = programOf(text);
    return everyone.filter((user) => evaluateGate(program, 'it', user, context).value);
  };

  it('let a percentage of units in, and only add units when it grows', () => {
    const [few, many] = [20, 60].map((percentage) => passes(gate(`rules: [{name: all, percentage: ${percentage}}]`)));
    assert.ok(few && many);
    assert.ok(Math.abs(few.length / units.length - 0.2) < 0.03, String(few.length));
    assert.ok(Math.abs(many.length / units.length - 0.6) < 0.03, String(many.length));
    assert.deepEqual(
      few.filter((user) => !many.includes(user)),
      [],
    );
  });

  it('decide the same when a rule is put in front', () => {
    const before = passes(gate('rules: [{name: all, percentage: 50}]'));
    const after = passes(
      gate('rules: [{name: staff, when: [{unit: userID, is: nobody}]}, {name: all, percentage: 50}]'),
    );
    assert.deepEqual(after, before);
  });

  it('keep units out by a rule that says so', () => {
    const text = gate('rules: [{name: not-them, value: false, when: [{unit: userID, is: unit-1}]}, {name: all}]');
    assert.equal(passes(text).length, units.length - 1);
  });

  it('answer false to everybody when they are off, by a rule that is named', () => {
    const program = programOf(gate('on: false, rules: [{name: all}]'));
    const { value, ruleID } = evaluateGate(program, 'it', { userID: 'a' }, context);
    assert.deepEqual({ value, ruleID }, { value: false, ruleID: 'disabled' });
  });

  it('are empty without rules', () => assert.deepEqual(passes('project: p\ngates: {it: {}}\n'), []));
});

describe('experiments of the friendly form', () => {
  const program = programOf(storefront);
  const shoppers = units.map((userID): User => ({ userID, custom: { device: 'desktop' } }));
  const decided = shoppers.map((user) => evaluateLayer(program, 'checkout', user, context));

  it('share the units of a layer without overlap, and leave some alone', () => {
    const shareOf = (experiment: string | null): number =>
      decided.filter(({ allocatedExperiment }) => allocatedExperiment === experiment).length / units.length;
    assert.ok(Math.abs(shareOf('checkout-button') - 0.5) < 0.03);
    assert.ok(Math.abs(shareOf('checkout-steps') - 0.4) < 0.03);
    assert.ok(Math.abs(shareOf(null) - 0.1) < 0.03);
  });

  it('give each group its weight, and its values over the defaults', () => {
    const groups = new Map<string, number>();
    for (const { allocatedExperiment, groupName, value } of decided) {
      if (allocatedExperiment !== 'checkout-steps') continue;
      groups.set(groupName ?? '', (groups.get(groupName ?? '') ?? 0) + 1);
      const steps = { control: 3, 'two-steps': 2, 'one-page': 1 }[groupName ?? ''];
      assert.deepEqual(value, { button_text: 'Buy now', button_color: 'green', steps });
    }
    assert.deepEqual([...groups.keys()].sort(), ['control', 'one-page', 'two-steps']);
    const total = [...groups.values()].reduce((sum, amount) => sum + amount, 0);
    for (const amount of groups.values()) assert.ok(Math.abs(amount / total - 1 / 3) < 0.05, String(amount / total));
  });

  it('own the parameters that their groups set', () => {
    const button = decided.find(({ groupName }) => groupName === 'short');
    assert.deepEqual(button?.explicitParameters, ['button_color', 'button_text']);
  });

  it('give the defaults to units that are not targeted', () => {
    const phones = units.map((userID) =>
      evaluateLayer(program, 'checkout', { userID, custom: { device: 'phone' } }, context),
    );
    assert.deepEqual([...new Set(phones.map(({ value }) => value.steps))], [3]);
    const untargeted = phones.filter(({ allocatedExperiment }) => allocatedExperiment === 'checkout-steps');
    assert.deepEqual([...new Set(untargeted.map(({ ruleID }) => ruleID))], ['inlineTargetingRules']);
  });

  it('let named units try a group out', () => {
    const { value, groupName } = evaluateConfig(program, 'checkout-button', { userID: 'grace' }, context);
    assert.deepEqual([groupName, value.button_text], ['short', 'Buy']);
  });

  it('assign nobody before they start and after they stop', () => {
    for (const [status, rule] of [
      ['draft', 'prestart'],
      ['stopped', 'abandoned'],
    ]) {
      const text = `project: p\nexperiments: {e: {status: ${status}, parameters: {n: 1}, groups: [{name: t, weight: 100, value: {n: 2}}]}}\n`;
      const { ruleID, value } = evaluateConfig(programOf(text), 'e', { userID: 'a' }, context);
      assert.deepEqual({ ruleID, value }, { ruleID: rule, value: { n: 1 } });
    }
  });

  it('stand alone over a slice of all units', () => {
    const text =
      'project: p\nexperiments: {e: {allocation: {from: 0, to: 20}, parameters: {n: 1}, groups: [{name: c, weight: 50}, {name: t, weight: 50, value: {n: 2}}]}}\n';
    const alone = programOf(text);
    const inside = share(everyone, (user) => evaluateConfig(alone, 'e', user, context).isExperimentGroup);
    assert.ok(Math.abs(inside - 0.2) < 0.03, String(inside));
  });
});

describe('the example project', () => {
  const program = programOf(storefront);
  const gate = (name: string, user: User, now = context.now): [boolean, string] => {
    const { value, ruleID } = evaluateGate(program, name, user, { ...context, now });
    return [value, ruleID];
  };

  it('lets staff through the express checkout', () => {
    assert.deepEqual(gate('express-checkout', { userID: 'x', email: 'jo@storefront.example' }), [true, 'staff']);
    assert.deepEqual(gate('express-checkout', { userID: 'ada' }), [true, 'staff']);
  });

  it('opens the winter sale in winter', () => {
    assert.deepEqual(gate('winter-sale', { userID: 'x' }), [true, 'season']);
    assert.deepEqual(gate('winter-sale', { userID: 'x' }, Date.parse('2026-06-01')), [false, 'default']);
  });

  it('keeps gift cards out of production, and recommendations off', () => {
    assert.deepEqual(gate('gift-cards', { userID: 'x' }), [false, 'default']);
    assert.deepEqual(gate('recommendations', { userID: 'x' }), [false, 'disabled']);
  });

  it('ranks for regulars', () => {
    const regular = { userID: 'x', custom: { orders: 9, plan: 'member' } };
    assert.equal(evaluateConfig(program, 'search-ranking', regular, context).value.algorithm, 'personal');
  });
});
