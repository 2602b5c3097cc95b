import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { AuthoringError, authoringJsonSchema, readAuthoring } from './index.js';

const storefront = readFileSync(new URL('../../../../examples/storefront.yaml', import.meta.url), 'utf8');

/** The messages that a document is refused with. */
function problemsOf(text: string): string[] {
  try {
    readAuthoring(text);
  } catch (error) {
    if (error instanceof AuthoringError) return error.message.split('\n');
    throw error;
  }
  return assert.fail('the document was accepted');
}

/** A document with one gate of one rule. */
const gateWith = (rule: string): string =>
  `project: shop\ngates:\n  checkout:\n    rules:\n      - name: first\n${rule.replace(/^/gm, '        ')}\n`;

const when = (condition: string): string => gateWith(`when:\n  - ${condition}`);

describe('authoring documents', () => {
  it('compiles the example', () => {
    const { project, entities } = readAuthoring(storefront);
    assert.equal(project, 'storefront');
    const kinds = new Set(entities.map(({ body }) => body?.$case));
    assert.deepEqual([...kinds].sort(), ['condition', 'config', 'experimentLayer', 'gate', 'layer']);
  });

  it('accepts JSON, because YAML does', () => {
    const text = '{"project": "shop", "gates": {"checkout": {"rules": [{"name": "all", "percentage": 5}]}}}';
    assert.equal(readAuthoring(text).entities.length, 1);
  });

  it('gives the same entities whatever the order and the comments', () => {
    const one = 'project: shop\ngates:\n  a: {rules: [{name: x, when: [{country: DE}]}]}\n  b: {}\n';
    const two = '# hello\nproject: shop\ngates:\n  b: {}\n  a: {rules: [{when: [{country: [DE]}], name: x}]}\n';
    const sorted = (text: string): string[] =>
      readAuthoring(text)
        .entities.map((entity) => JSON.stringify(entity))
        .sort();
    assert.deepEqual(sorted(one), sorted(two));
  });

  it('takes names that every object has for names', () => {
    const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf'];
    const holdouts = names.map((name) => `  ${name}: {percentage: 5}`).join('\n');
    const gates = names.map((name) => `  of-${name}: {holdout: ${name}}`).join('\n');
    const { entities } = readAuthoring(`project: p\nholdouts:\n${holdouts}\ngates:\n${gates}\n`);
    assert.equal(entities.filter(({ body }) => body?.$case === 'gate').length, 8);
  });

  it('keeps every salt and id when a percentage is edited', () => {
    const [before, after] = [10, 60].map(
      (percentage) => readAuthoring(gateWith(`percentage: ${percentage}`)).entities[0],
    );
    assert.ok(before?.body?.$case === 'gate' && after?.body?.$case === 'gate');
    const { rules, ...spec } = before.body.value;
    assert.deepEqual(after.body.value, { ...spec, rules: rules.map((rule) => ({ ...rule, passPercentage: 60 })) });
  });

  it('shares equal conditions and keeps both sides of a range', () => {
    const text = gateWith(
      'when:\n  - app_version: {at_least: "2.0", below: "3.0"}\n  - country: DE\n  - country: [DE]',
    );
    const conditions = readAuthoring(text).entities.filter(({ body }) => body?.$case === 'condition');
    assert.equal(conditions.length, 3);
  });

  it('publishes a JSON Schema', () => {
    const schema = authoringJsonSchema() as { properties: Record<string, unknown>; required: string[] };
    assert.deepEqual(schema.required, ['project']);
    assert.ok('layers' in schema.properties);
  });
});

describe('authoring errors', () => {
  const cases: [string, string, RegExp][] = [
    [
      'a percentage out of range',
      gateWith('percentage: 101'),
      /^gates\.checkout\.rules\[0\]\.percentage: must be between 0 and 100, got 101 \(line 6\)$/,
    ],
    [
      'a percentage in quotes',
      gateWith('percentage: "50"'),
      /^gates\.checkout\.rules\[0\]\.percentage: must be a number, got "50" \(line 6\)$/,
    ],
    [
      'a misspelled field',
      gateWith('percentag: 5'),
      /rules\[0\]\.percentag: unknown field; did you mean "percentage"\? \(line 6\)$/,
    ],
    [
      'a missing name',
      'project: shop\ngates: {a: {rules: [{}]}}',
      /^gates\.a\.rules\[0\]\.name: is missing; it must be text \(line 2\)$/,
    ],
    ['a project name', 'project: My Shop', /^project: must be 1 to 64 lower-case .*, got "My Shop" \(line 1\)$/],
    [
      'a version without quotes',
      when('app_version: {at_least: 2.10}'),
      /at_least: must be a version in quotes, such as "2\.4\.0", got 2\.1 /,
    ],
    ['two subjects in one condition', when('{country: DE, gate: x}'), /tests country and gate at once/],
    ['no subject', when('{is: [a]}'), /must say what is tested/],
    [
      'more values than a call may look at',
      when(`{field: plan, is: [${'a, '.repeat(10_000)}a]}`),
      /\.is: must be a value or a list of 1 to 10,000 values; for more, upload an id list, got a list of 10001 /,
    ],
    ['no comparison', when('{field: plan}'), /needs a comparison for field/],
    ['a number compared with text', when('{field: orders, at_least: "5"}'), /at_least: must be a number, got "5"/],
    [
      'a time that is none',
      when('time: {after: tomorrow}'),
      /time\.after: must be a date or a time with zone.*got "tomorrow"/,
    ],
    [
      'an unknown segment',
      'project: p\nsegments: {staff: {when: [{everyone: true}]}}\ngates: {a: {rules: [{name: r, when: [{segment: staf}]}]}}',
      /when\[0\]\.segment: there is no segment "staf" in this document; did you mean "staff"\? \(line 3\)/,
    ],
    [
      'a circle',
      'project: p\ngates:\n  a: {rules: [{name: r, when: [{gate: b}]}]}\n  b: {rules: [{name: r, when: [{gate: a}]}]}',
      /makes a circle: gate a → gate b → gate a \(line 4\)/,
    ],
    [
      'a rule name used twice',
      'project: p\ngates: {a: {rules: [{name: r}, {name: r}]}}',
      /rules\[1\]\.name: r is used above; choose another/,
    ],
    [
      'a config that is not an object',
      'project: p\nconfigs: {a: {default: 5}}',
      /configs\.a\.default: must be an object with named parameters, got 5/,
    ],
    [
      'a number that would change',
      'project: p\nconfigs: {a: {default: {n: 12345678901234567890}}}',
      /default\.n: 12345678901234567890 can't be kept exactly/,
    ],
    ['not a number', 'project: p\nconfigs: {a: {default: {n: .nan}}}', /\.nan can't be kept exactly/],
    ['a list as the document', '[]', /^the document must be an object with named fields/],
    ['an empty document', '', /^the document must be an object with named fields, got null$/],
    ['broken YAML', 'project: [', /^this is not YAML: .*\(line 1\)$/],
    ['a key twice', 'project: p\nproject: q', /^project: is there twice; keep one \(line 2\)$/],
    ['a gate twice', 'project: p\ngates:\n  a: {}\n  a: {}', /^gates\.a: is there twice; keep one \(line 4\)$/],
    [
      'a name that objects lose',
      'project: p\ngates:\n  __proto__: {on: false}',
      /^gates\.__proto__: is no name .*\(line 3\)$/,
    ],
    [
      'a parameter that objects lose',
      'project: p\nconfigs: {a: {default: {__proto__: 1}}}',
      /^configs\.a\.default\.__proto__: is no name that can be kept/,
    ],
    [
      'a holdout of a name that every object has',
      'project: p\ngates: {a: {holdout: constructor}}',
      /^gates\.a\.holdout: there is no holdout "constructor" in this document/,
    ],
    ['a tag', 'project: !!binary aGk=', /^project: has the tag tag:yaml.org,2002:binary; leave it out/],
    ['an old-fashioned merge key', 'project: p\n<<: {gates: {}}', /<<.*unknown field/],
  ];
  for (const [what, text, expected] of cases) {
    it(`refuses ${what}`, () => assert.match(problemsOf(text).join('\n'), expected));
  }

  it('names everything that is wrong, in the order of the document', () => {
    const text = 'project: p\ngates:\n  a: {on: 1}\n  b: {rules: {}}\nconfigs:\n  c: {}\n';
    assert.deepEqual(
      problemsOf(text).map((line) => line.slice(0, line.indexOf(':'))),
      ['gates.a.on', 'gates.b.rules', 'configs.c.default'],
    );
  });
});

describe('authoring errors of experiments', () => {
  const layer = (experiments: string): string =>
    `project: p\nlayers:\n  page:\n    parameters: {color: green}\n    experiments:\n${experiments.replace(/^/gm, '      ')}\n`;
  const cases: [string, string, RegExp][] = [
    [
      'weights that make less than 100',
      'a: {groups: [{name: x, weight: 40}]}',
      /groups: weights must make 100, they make 40/,
    ],
    [
      'weights finer than a bucket',
      'a: {groups: [{name: x, weight: 33.33}, {name: y, weight: 66.67}]}',
      /weight: must have at most one decimal, got 33\.33/,
    ],
    [
      'a parameter that the layer lacks',
      'a: {groups: [{name: x, weight: 100, value: {colour: red}}]}',
      /value\.colour: is not among the parameters.*did you mean "color"/,
    ],
    [
      'overlapping slices',
      'a: {groups: [{name: x, weight: 100}]}\nb: {allocation: {from: 20, to: 30}, groups: [{name: x, weight: 100}]}',
      /b\.allocation: overlaps a \(0 to 100\)/,
    ],
    [
      'a slice that ends before it begins',
      'a: {allocation: {from: 30, to: 20}, groups: [{name: x, weight: 100}]}',
      /from must be below to/,
    ],
    [
      'an unknown status',
      'a: {status: paused, groups: [{name: x, weight: 100}]}',
      /status: must be draft or running or stopped, got "paused"/,
    ],
  ];
  for (const [what, experiments, expected] of cases) {
    it(`refuses ${what}`, () => assert.match(problemsOf(layer(experiments)).join('\n'), expected));
  }
});

describe('hostile documents', () => {
  it('refuses aliases that multiply', () => {
    const levels = [
      'a: &a [1, 2]',
      ...'bcdefgh'.split('').map((name, index) => {
        const previous = `*${'abcdefg'[index]}`;
        return `${name}: &${name} [${Array(9).fill(previous).join(', ')}]`;
      }),
    ];
    assert.match(problemsOf(levels.join('\n'))[0] ?? '', /^aliases can't be resolved/);
  });

  it('refuses what is too deep, without falling over', () => {
    assert.match(
      problemsOf(`project: p\nconfigs: {a: {default: {x: ${'['.repeat(40)}${']'.repeat(40)}}}}`)[0] ?? '',
      /nested deeper than 32 levels/,
    );
    assert.match(problemsOf('['.repeat(50_000))[0] ?? '', /nested deeper than 32 levels/);
  });

  it('refuses nesting that would end the process, before it is parsed', () => {
    for (const text of [
      '['.repeat(1_000_000),
      '{a: '.repeat(1_000_000),
      '- '.repeat(1_000_000),
      '? '.repeat(1_000_000),
    ]) {
      assert.match(problemsOf(text)[0] ?? '', /nested deeper than 32 levels/, text.slice(0, 10));
    }
  });

  it('takes brackets and dashes inside of texts for what they are', () => {
    const odd = `${'[{'.repeat(100)} ${'- '.repeat(50)} ${'? '.repeat(50)}`;
    for (const description of [JSON.stringify(odd), `|\n    ${odd}`]) {
      assert.equal(readAuthoring(`project: p\ngates:\n  a:\n   description: ${description}\n`).entities.length, 1);
    }
  });

  it('takes as long for faults as there are', () => {
    const timeOf = (count: number): number => {
      const before = performance.now();
      assert.match(problemsOf('&a '.repeat(count))[0] ?? '', /^this is not YAML: .* \(line 1\)$/);
      return performance.now() - before;
    };
    timeOf(500);
    assert(timeOf(16_000) < 12 * timeOf(4_000));
  });

  it('refuses what is too large before it looks inside', () => {
    assert.match(problemsOf('#'.repeat(9 * 1024 * 1024))[0] ?? '', /at most 8388608 are allowed/);
  });

  it('refuses a million lines before it looks inside', () => {
    assert.match(problemsOf('\n'.repeat(1_000_000))[0] ?? '', /has 1000001 lines; at most 250000 are allowed/);
  });

  it('takes as long for a map as it is long', () => {
    const timeOf = (count: number): number => {
      const gates = Array.from({ length: count }, (_, index) => `  g${index}: {}`);
      const before = performance.now();
      assert.equal(readAuthoring(['project: p', 'gates:', ...gates].join('\n')).entities.length, count);
      return performance.now() - before;
    };
    timeOf(1_000);
    // Four times the keys: a look at all pairs would take sixteen times as long, and minutes at the limit.
    assert(timeOf(16_000) < 12 * timeOf(4_000));
  });

  it('follows a chain as long as the document', () => {
    const count = 30_000;
    const gates = Array.from(
      { length: count },
      (_, i) => `  g${i}: {rules: [{name: r, when: [{gate: g${(i + 1) % count}}]}]}`,
    );
    assert.match(
      problemsOf(['project: p', 'gates:', ...gates].join('\n'))[0] ?? '',
      /makes a circle: gate g0 → .* more … /,
    );
  });

  it('reports at most 20 problems', () => {
    const gates = Array.from({ length: 100 }, (_, index) => `  g${index}: {on: 1}`);
    assert.equal(problemsOf(['project: p', 'gates:', ...gates].join('\n')).length, 20);
  });
});
