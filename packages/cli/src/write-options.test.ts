import assert from 'node:assert/strict';
import { parseAuthoring } from '@sluice/codec';
import { Section } from '@sluice/proto';
import { exitCodes } from './exit-code.js';
import type { Io } from './io.js';
import { Session } from './session.js';
import { plainStyle } from './style.js';
import { changeReport, writeReport } from './write-options.js';

/** Without `--wait` nobody is asked anything, so that none of this is connected. */
const context = {
  ...{ name: 'test', consul: '127.0.0.1:1', region: 'local', key: 'a-key' },
  ...{ project: 'shop', environment: 'test', file: undefined },
};
const session = new Session({ env: {}, cwd: '/', isTerminal: false } as unknown as Io, context, 100);
const set = { project: 'shop', environment: 'test' };
const committedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const noWait = { isEverywhere: null, evaluators: [] };

describe('the report of a change', () => {
  it('names what was changed, the revision and the version', async () => {
    const change = { set, key: 'gate/a', what: 'archived', revision: 7, committedAtMs };
    const plain = await changeReport(session, change, {});
    assert.equal(plain.text(plainStyle), 'gate/a  archived · revision 7');
    assert.deepEqual(plain.document, {
      ...{ ...set, key: 'gate/a', revision: 7, version: null, committedAt: '2026-01-02T03:04:05.000Z' },
      ...noWait,
    });
    const more = await changeReport(session, { ...change, version: 3, more: { size: 2 } }, {});
    assert.equal(more.text(plainStyle), 'gate/a  archived · revision 7 · version 3');
    assert.deepEqual([more.document.version, more.document.size, more.exitCode], [3, 2, exitCodes.ok]);
  });
});

describe('the report of a write', () => {
  const written = (section: Section, name: string, isChanged: boolean) => ({
    ref: { section, name },
    version: 2,
    isChanged,
  });
  const gate = written(Section.GATE, 'a', true);
  const condition = written(Section.CONDITION, 'c', true);
  const same = written(Section.CONFIG, 'b', false);

  const cases: [string, ReturnType<typeof written>[], boolean, string[]][] = [
    [
      'what differs, without conditions',
      [gate, condition, same],
      false,
      ['written · revision 7', '  gate/a  version 2'],
    ],
    ['that nothing differed', [same], false, ['nothing differed · revision 7']],
    ['that nothing would', [same], true, ['nothing differed · revision 7']],
    ['what would', [gate], true, ['valid, would become revision 7; nothing was changed', '  gate/a  version 2']],
  ];
  for (const [what, entities, dryRun, lines] of cases) {
    it(`says ${what}`, async () => {
      const answer = { revision: 7, committedAtMs, entities, warnings: [] };
      const { text } = await writeReport(session, set, [], answer, { dryRun });
      assert.deepEqual(text(plainStyle).split('\n'), lines);
    });
  }

  it('calls an experiment one, though it is stored among configs', async () => {
    const sent = parseAuthoring(
      'project: p\nexperiments: {e: {parameters: {a: 1}, groups: [{name: all, weight: 100}]}}',
    ).slice(0, 1);
    const entities = sent.map(({ name }) => ({ ref: { section: Section.CONFIG, name }, version: 1, isChanged: true }));
    const answer = { revision: 7, committedAtMs, entities, warnings: [] };
    const { text } = await writeReport(session, set, sent, answer, {});
    assert.deepEqual(text(plainStyle).split('\n'), ['written · revision 7', '  experiment/e  version 1']);
  });

  it('has warnings, and no time for a dry run', async () => {
    const warnings = [{ path: 'gate/a rules[0]', message: 'look at it' }];
    const answer = { revision: 7, committedAtMs, entities: [gate, condition], warnings };
    const { document, text } = await writeReport(session, set, [], answer, { dryRun: true, wait: true });
    assert.match(text(plainStyle), /\n {2}gate\/a rules\[0\]: look at it$/);
    const entities = [
      { key: 'gate/a', version: 2, isChanged: true },
      { key: 'condition/c', version: 2, isChanged: true },
    ];
    assert.deepEqual(document, {
      ...{ ...set, isDryRun: true, revision: 7, committedAt: null, entities, warnings },
      ...noWait,
    });
  });
});
