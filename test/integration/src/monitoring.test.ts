/** Alert rules and the dashboard speak of metrics that the services really export, and each alert has its runbook. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';
import { parse } from 'yaml';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

const alerts = (parse(read('docs/monitoring/alerts.yaml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);
const dashboard = JSON.parse(read('docs/monitoring/dashboard.json')) as Dashboard;

const namesIn = (expr: string): string[] =>
  expr.match(/\b(?:sluice|rpc)_\w+/g)?.filter((name) => !isLabel(expr, name)) ?? [];

/** Labels stand between brackets of `by (…)` or before `=`. */
function isLabel(expr: string, name: string): boolean {
  const bare = expr.replace(/by \([^)]*\)/g, '').replace(/\{[^}]*\}/g, '');
  return !new RegExp(`\\b${name}\\b`).test(bare);
}

describe('alert rules and the dashboard', function () {
  this.timeout(60_000);
  let mesh: TestMesh;
  /** Of each metric, the values of each of its labels. */
  const metrics = new Map<string, Map<string, Set<string>>>();
  /** As their `# TYPE` lines name them. */
  const families = new Set<string>();

  before(async () => {
    const addresses = Object.fromEntries(
      ['CONFIG', 'EVALUATION', 'INGESTION', 'HEALTH'].map((name) => [`${name}_METRICS_ADDR`, '127.0.0.1:0']),
    );
    mesh = await startMesh({ env: { ...addresses, HEALTH_CANARY_SET: 'sluice/canary' } });
    await eventually(
      async () => {
        metrics.clear();
        for (const name of ['config-1', 'evaluation-1', 'ingestion-1', 'health-1']) await scrape(name);
        for (const needed of [...alerts.map(({ expr }) => expr), ...expressions()].flatMap(namesIn)) {
          assert(metrics.has(needed), `${needed} is not exported by any service`);
        }
      },
      { deadlineMs: 15_000 },
    );
  });

  after(() => mesh?.stop());

  const expressions = (): string[] => dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

  async function scrape(name: string): Promise<void> {
    const line = mesh
      .process(name)
      .log.split('\n')
      .findLast((text) => text.includes('metrics can be scraped'));
    const { url = '' } = JSON.parse(line ?? '{}') as { url?: string };
    const text = await (await fetch(url)).text();
    for (const [, family = ''] of text.matchAll(/^# TYPE (\w+) /gm)) families.add(family);
    for (const [, metric = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
      const known = metrics.get(metric) ?? new Map<string, Set<string>>();
      for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g))
        known.set(label, (known.get(label) ?? new Set()).add(value));
      metrics.set(metric, known);
    }
  }

  it('name only metrics that are exported', () => assert(metrics.size > 20));

  it('name only labels that their metrics have', () => {
    for (const expr of [...alerts.map((one) => one.expr), ...expressions()]) {
      const labels = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) =>
        list.split(',').map((one) => one.trim()),
      );
      const held = new Set([
        'le',
        'instance',
        ...namesIn(expr).flatMap((name) => [...(metrics.get(name)?.keys() ?? [])]),
      ]);
      for (const label of labels) assert(held.has(label), `${expr}: no metric here has the label ${label}`);
    }
  });

  it('choose by labels that their metrics have, and by values that these really take', () => {
    let checked = 0;
    for (const expr of [...alerts.map((one) => one.expr), ...expressions()]) {
      for (const [, name = '', matchers = ''] of expr.matchAll(/(\w+)\{([^}]*)\}/g)) {
        for (const [, label = '', sign = '', text = ''] of matchers.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)) {
          const known = metrics.get(name)?.get(label);
          assert(known, `${expr}: ${name} has no label ${label}`);
          for (const value of sign.endsWith('~') ? text.split('|') : [text]) {
            assert(known.has(value), `${expr}: ${label} of ${name} is never ${value}, but ${[...known].join(', ')}`);
            checked++;
          }
        }
      }
    }
    assert(checked > 10);
  });

  it('speak in their summaries of labels that they have', () => {
    for (const { expr, annotations } of alerts) {
      const held = new Set(['instance', ...namesIn(expr).flatMap((name) => [...(metrics.get(name)?.keys() ?? [])])]);
      for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.(\w+)/g))
        assert(held.has(label), `${annotations.summary}: there is no label ${label}`);
    }
  });

  it('are documented one by one in docs/metrics.md, or docs/servers.md', () => {
    const pages = `${read('docs/metrics.md')}\n${read('docs/servers.md')}`;
    const documented = Array.from(pages.matchAll(/^\| `([a-z_]+)`/gm), ([, name = '']) => name);
    // It is there while somebody watches.
    families.add('sluice_watch_streams');
    assert.deepEqual(documented.sort(), [...families].sort());
  });

  it('have a runbook for each alert, and no other', () => {
    for (const { alert, annotations, labels } of alerts) {
      assert.equal(annotations.runbook, `docs/runbooks/${alert}.md`);
      assert(['page', 'ticket'].includes(labels.severity));
      const runbook = read(annotations.runbook);
      assert(runbook.startsWith(`# ${alert}\n\nSeverity: ${labels.severity}.`), alert);
      for (const part of ['## Look', '## Do']) assert(runbook.includes(part), `${alert} lacks ${part}`);
    }
    const files = readdirSync(new URL('docs/runbooks/', root)).filter((file) => file !== 'README.md');
    assert.deepEqual(files.sort(), alerts.map(({ alert }) => `${alert}.md`).sort());
  });
});
