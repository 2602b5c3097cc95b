/** The status page in a real browser, over a real mesh that breaks. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startMesh, type TestMesh } from '@sluice/testkit';
import type { Browser, Page } from 'playwright-core';
import { findChromium, openBrowser } from './browser.js';

const shownWithinMs = 5_000;
/** Events are probed every 5 s, once the canary set is there. */
const probedWithinMs = 15_000;

describe('the status page', function () {
  this.timeout(60_000);
  let mesh: TestMesh;
  let browser: Browser;
  let page: Page;
  let url: string;
  const faults: string[] = [];

  before(async function () {
    const program = await findChromium();
    if (program === undefined) {
      console.log('    NOT RUN: no Chromium here; install the Debian package chromium, or name a program in CHROMIUM');
      this.skip();
    }
    mesh = await startMesh({
      evaluators: 2,
      env: { HEALTH_CANARY_SET: 'sluice/canary', HEALTH_METRICS_ADDR: '127.0.0.1:0' },
    });
    const line = mesh
      .process('health-1')
      .log.split('\n')
      .find((text) => text.includes('metrics can be scraped'));
    url = new URL('/', (JSON.parse(line ?? '{}') as { url?: string }).url ?? '').href;
    browser = await openBrowser(program);
    page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await page.goto(url);
  });

  after(async () => {
    await browser?.close();
    await mesh?.stop();
  });

  const shows = (selector: string, text: RegExp, timeout = shownWithinMs) =>
    page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout });

  it('says that everything works, with each region, service, probe and budget', async () => {
    await shows('#summary', /serving Everything works\./);
    await shows('[data-region]', /evaluation 2\/2/);
    await shows('[data-region]', /evaluate \d+ ms.*ingest \d+ ms.*revision \d+ ms/, probedWithinMs);
    await shows('[data-region]', /availability 100\.0 %, budget left 100\.0 %/);
    await shows('#instances', /evaluation-1/);
    await shows('#newest', /sluice\/canary/);
    assert.match(await page.title(), /^● Sluice status$/);
    await shoot('status');
  });

  it('shows by itself what breaks, since when and why, and that it is over', async () => {
    await mesh.process('evaluation-2').kill();
    await shows('#instances tr', /evaluation-2.*unreachable.*connection refused/s);
    await shows('#incidents tr', /instance evaluation-2.*goes on/s);
    await shows('[data-region]', /evaluation 1\/2/);
    await shows('#summary', /degraded Every region serves, but something does not work/);
    assert.match(await page.title(), /^▲ Sluice status$/);
    await mesh.process('evaluation-2').start();
    await shows('#instances tr', /evaluation-2.*serving/s);
    await shows('#incidents tr', /instance evaluation-2.*\d+ s/s);
    await shows('#summary', /serving Everything works\./);
  });

  it('can be read on a phone: nothing is wider than the screen', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    const widths = '(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.documentElement)';
    const [inside, outside] = await page.evaluate<number[]>(widths);
    assert.equal(inside, outside);
    await shows('#instances', /evaluation-1/);
    await shoot('status-phone');
  });

  it('answers load balancers, and nothing else', async () => {
    assert.equal((await fetch(new URL('healthz', url))).status, 200);
    assert.equal((await fetch(new URL('nothing', url))).status, 404);
    assert.equal((await fetch(url, { method: 'POST' })).status, 405);
    const { headers } = await fetch(url);
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
    assert.deepEqual(faults, []);
  });

  it('says so when the health service does not answer, and leaves standing what it said last', async () => {
    await shows('#connection', /live/);
    await mesh.process('health-1').kill();
    await shows('#connection', /does not answer; what stands here is what it said last/);
    await shows('#instances', /evaluation-1/);
  });

  /** Pictures for the documentation, when somebody asks for new ones. */
  async function shoot(name: string): Promise<void> {
    if (!process.env.SLUICE_SHOOT) return;
    const folder = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: `${folder}${name}.png`, fullPage: true });
  }
});
