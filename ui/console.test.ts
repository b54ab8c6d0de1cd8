// biome-ignore-all lint/performance/useDomNodeTextContent: the text as it is rendered is what is tested
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTelemetry, type Telemetry } from '../control-plane/telemetry/telemetry.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { seededRandom } from '../lib/random.ts';
import type { ProxyList } from '../proto/api/v1.ts';
import { type ConsoleServerOptions, startConsoleServer } from '../test/harness/console-server.ts';
import { shopConnected, shopProxies, shopSnapshot } from '../test/harness/shop-mesh.ts';
import { exportRequests, frontPage, order, type ShopTrace } from '../test/harness/shop-traces.ts';

// The built console in a real browser, against the real telemetry store, under the strict policy.
// `HEDDLE_SCREENSHOTS=<folder> vitest run ui/console.test.ts` also writes a picture of each page.

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) =>
  fs.existsSync(file),
);
const missing = executablePath === undefined;
const screenshots = process.env.HEDDLE_SCREENSHOTS ?? '';
const inBrowser = (name: string, run: () => Promise<void>) =>
  test(name, { timeout: 60_000 }, async (context) => {
    if (missing) context.skip('no Chromium is installed (Debian: apt-get install chromium)');
    await run();
  });

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-console-'));
const payload = '<img src=x onerror=alert(1)>';
let browser: Browser;
let telemetry: Telemetry;
let options: ConsoleServerOptions;
let server: Awaited<ReturnType<typeof startConsoleServer>>;
let failing: ShopTrace;
let plain: ShopTrace;

beforeAll(async () => {
  if (missing) return;
  const vite = path.resolve(import.meta.dirname, '../node_modules/vite/bin/vite.js');
  const dist = path.join(folder, 'dist');
  execFileSync(process.execPath, [vite, 'build', import.meta.dirname, '--outDir', dist, '--logLevel', 'error'], {
    env: { ...process.env, NODE_ENV: 'production' },
  });
  telemetry = openTelemetry({ stateDir: folder, retentionHours: 1, clock: systemClock, log: silentLog });
  const now = Date.now();
  const random = seededRandom(7);
  const traces = Array.from({ length: 400 }, (_, i) =>
    frontPage(random, now - 55_000 + i * 137, i % 5 === 0 ? 'v2' : 'v1'),
  );
  for (let i = 0; i < 60; i++) traces.push(order(random, now - 54_000 + i * 900, i % 17 === 5));
  failing = order(random, now - 400, true);
  plain = frontPage(random, now - 200);
  send([...traces, failing, plain]);
  options = {
    dist,
    telemetry,
    snapshot: shopSnapshot(),
    connected: shopConnected,
    proxies: shopProxies(now),
  };
  server = await startConsoleServer(options);
  browser = await chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  telemetry?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

function send(traces: readonly ShopTrace[]): void {
  for (const body of exportRequests(traces)) {
    expect(telemetry.ingest(Buffer.from(JSON.stringify(body)), 'application/json').status).toBe(200);
  }
}

/** Opens a page, runs the check, and demands a clean console: no error, no violation of the policy, no dialog. */
async function visit(
  pathname: string,
  check: (page: Page) => Promise<void>,
  { colorScheme = 'light', complaint = '' }: { colorScheme?: 'light' | 'dark'; complaint?: string } = {},
): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  try {
    await page.goto(server.url + pathname);
    await check(page);
    expect(complaints.filter((text) => complaint === '' || !text.includes(complaint))).toEqual([]);
  } finally {
    await context.close();
  }
}

// First, while only the shop's own traffic is there.
test.runIf(screenshots !== '' && !missing)('pictures of the pages', { timeout: 60_000 }, async () => {
  const pages = {
    services: '/',
    graph: '/graph?select=front.shop',
    trace: `/traces/${plain.traceId}`,
    proxies: '/proxies',
    traces: '/traces',
    failed: `/traces/${failing.traceId}`,
    edge: '/graph?select=front.shop>cart.shop',
  };
  for (const scheme of ['light', 'dark'] as const) {
    for (const [name, pathname] of Object.entries(pages)) {
      await visit(
        pathname,
        async (page) => {
          await page.locator('table, svg.graph, .waterfall').first().waitFor();
          if (name === 'trace') await page.locator('.span-line').nth(5).click();
          await page.screenshot({
            path: path.join(screenshots, `console-${name}${scheme === 'dark' ? '-dark' : ''}.png`),
          });
        },
        { colorScheme: scheme },
      );
    }
  }
});

inBrowser('services are a table of golden signals whose cells lead to the traces behind them', async () => {
  await visit('/', async (page) => {
    const cart = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'cart', exact: true }) });
    await cart.waitFor();
    expect(await page.title()).toBe('Services · Heddle');
    expect(await cart.innerText()).toMatch(/cart\s+shop\s+1\/1\s+9\d\.\d%\s+[\d.]+\/s\s+[\d.]+ ms/);
    expect(await page.getByRole('row').count()).toBe(6);
    expect(await page.getByText('6 of 6 workloads meshed').count()).toBe(1);
    await page.getByRole('columnheader', { name: 'Requests' }).getByRole('link').click();
    await page.locator('th[aria-sort=descending]').waitFor();
    await cart.getByTitle('Traces with errors').click();
    await page.getByRole('heading', { name: 'Traces' }).waitFor();
    expect(new URL(page.url()).search).toBe('?service=cart.shop&error=true');
    await page.locator('tbody tr').first().waitFor();
    for (const row of await page.locator('tbody tr').allInnerTexts()) expect(row).toContain('POST /checkout');
    await page.goBack();
    await page.getByRole('heading', { name: 'Services' }).waitFor();
  });
});

inBrowser('the graph shows who calls whom, with mTLS on each edge and identities in the panel', async () => {
  await visit('/graph', async (page) => {
    const edge = page.getByLabel(/front\.shop calls ratings\.shop: .*100% success.*, mTLS/);
    await edge.waitFor();
    expect(await page.locator('a.edge').count()).toBe(7);
    expect(await page.locator('a.edge .lock-closed').count()).toBe(6);
    expect(await page.getByLabel(/external calls gateway\/edge\.shop: .* no mTLS/).count()).toBe(1);
    await edge.focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('complementary', { name: 'Selection' });
    await panel.getByText('spiffe://cluster.local/ns/shop/sa/ratings').waitFor();
    expect(await panel.innerText()).toContain('spiffe://cluster.local/ns/shop/sa/front');
    await page.getByLabel(/^cart, shop/).click();
    await panel.getByText('Called by').waitFor();
    expect(await panel.getByRole('listitem').allInnerTexts()).toHaveLength(2);
  });
});

inBrowser('the trace list filters, keeps its filters in the address, and can be paused', async () => {
  await visit('/traces', async (page) => {
    await page.getByRole('row').nth(50).waitFor();
    await page.getByLabel('Errors only').check();
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length < 10);
    await page.getByLabel('Service', { exact: true }).fill('checkout.shop');
    await page.waitForURL('**/traces?service=checkout.shop&error=true');
    await page.getByLabel('Errors only').uncheck();
    await page.getByRole('button', { name: 'Live' }).click();
    await page.getByRole('button', { name: 'Paused' }).waitFor();
    await page.getByLabel('At least').fill('99999');
    await page.getByRole('heading', { name: 'No trace matches' }).waitFor();
    await page.getByRole('link', { name: 'Remove all filters' }).click();
    await page.getByRole('link', { name: 'Older' }).click();
    await page.getByText('Older ones, newest first').waitFor();
  });
});

inBrowser('new traces appear by themselves while the list is live', async () => {
  await visit('/traces?route=HTTPRoute/shop/front&minDurationMs=5000', async (page) => {
    await page.getByRole('heading', { name: 'No trace matches' }).waitFor();
    const slow = frontPage(seededRandom(99), Date.now() - 9000);
    for (const span of slow.spans) span.durationMs += 6000;
    send([slow]);
    await page.getByRole('link', { name: `Trace ${slow.traceId}` }).waitFor();
  });
});

inBrowser('a trace is a waterfall of hops, and a row opens to the decision its proxy took', async () => {
  await visit(`/traces/${plain.traceId.slice(0, 12)}`, async (page) => {
    const rows = page.locator('.span-line');
    await rows.nth(8).waitFor();
    expect(await rows.count()).toBe(9);
    expect(await page.locator('h1').innerText()).toMatch(/GET \/\s+200/);
    expect(await page.getByText(plain.traceId).count()).toBe(1);
    expect(await page.locator('.span-top + .span-bottom').count()).toBe(4);
    expect(await page.locator('.bar-gap').count()).toBeGreaterThanOrEqual(4);
    await rows.first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const decision = page.locator('.decision');
    await decision.waitFor();
    const text = (await decision.innerText()).replaceAll(/\s+/g, ' ');
    expect(text).toContain('Route matched HTTPRoute/shop/front/rule/0');
    expect(text).toContain('Endpoint chosen front-1 127.0.0.1:41873');
    expect(text).toContain('Upstream identity spiffe://cluster.local/ns/shop/sa/front');
    expect(text).toContain('Transport mTLS');
    expect(text).toMatch(/Attempts 1 .*Between proxies 0\.\d\d ms there/);
    await page.getByText(/All \d+ attributes/).click();
    await page.getByText('heddle.request_id').waitFor();
  });
});

inBrowser('a failed trace opens at the proxy that failed it, with flag and reason in words', async () => {
  await visit(`/traces/${failing.traceId}`, async (page) => {
    const decision = page.locator('.decision');
    await decision.waitFor();
    const text = (await decision.innerText()).replaceAll(/\s+/g, ' ');
    expect(text).toContain('Reason no-healthy-endpoints');
    expect(text).toContain('UH no healthy endpoint');
    expect(text).toContain('Transport no connection');
    expect(await page.title()).toBe('Trace · Heddle');
  });
});

inBrowser('a trace that is not there says so', async () => {
  const heading = (page: Page) => page.getByRole('heading', { name: 'This trace is not here' }).waitFor();
  // The browser itself reports the API's answer.
  await visit('/traces/00000000', heading, { complaint: '404 (Not Found)' });
});

inBrowser('every proxy shows its sync state per type, and a refusal in its own words', async () => {
  await visit('/proxies', async (page) => {
    const ratings = page.getByRole('row', { name: /^ratings-v2/ });
    await ratings.waitFor();
    expect(await ratings.innerText()).toMatch(/SYNCED\s+SYNCED\s+SYNCED\s+NACK\s+SYNCED\s+spiffe:/);
    expect(await page.getByText('RDS NACK ×3').count()).toBe(1);
    expect(await page.getByText('missing ) at offset 7').count()).toBe(1);
    expect(await page.getByRole('row', { name: /^checkout-1/ }).innerText()).toMatch(/disconnected\s+STALE/);
    expect(await page.getByRole('row', { name: /^edge-1/ }).innerText()).toContain('NOT SENT');
    expect(await page.getByText('6 of 7 connected').count()).toBe(1);
    await page.getByPlaceholder('Filter by name or identity').fill('sa/cart');
    await page.waitForFunction(() => document.querySelectorAll('tbody').length === 1);
  });
});

inBrowser('UI-01: hostile names are shown as text, hidden characters spelled out, long ones cut', async () => {
  const hostile = order(seededRandom(123), Date.now() - 100);
  for (const span of hostile.spans) {
    span.attributes['http.request.method'] = `${payload}\u202E\u0007`;
    span.attributes['heddle.route'] = `javascript:alert(1)${'x'.repeat(10_240)}`;
    span.attributes['heddle.reason'] = '\u001b[31m</script><script>alert(1)</script>';
    if (span.attributes['heddle.destination']) span.attributes['heddle.destination'] = `${payload}.shop`;
  }
  const before = { snapshot: options.snapshot, proxies: options.proxies };
  send([hostile]);
  options.snapshot = shopSnapshot([payload]);
  const [first, ...rest] = shopProxies(Date.now()).items;
  options.proxies = {
    items: [{ ...first!, workload: payload, spiffeId: `spiffe://${payload}` }, ...rest],
  } as ProxyList;
  try {
    for (const [pathname, shown] of [
      ['/', payload],
      ['/proxies', payload],
      [`/graph?select=${encodeURIComponent(`${payload}.shop`)}`, payload],
      ['/traces', `${payload}⟨U+202E⟩⟨U+0007⟩`],
      [`/traces/${hostile.traceId}`, `${payload}⟨U+202E⟩⟨U+0007⟩`],
    ] as const) {
      await visit(pathname, async (page) => {
        await page.getByText(shown).filter({ visible: true }).first().waitFor();
        expect(await page.locator('img').count()).toBe(0);
        expect(await page.title()).toMatch(/ · Heddle$/);
        if (!pathname.startsWith('/traces/')) return;
        await page.locator('.span-line').nth(1).click();
        await page.getByText('⟨U+001B⟩[31m</script>').first().waitFor();
        const route = page.locator('.decision a').first();
        expect((await route.innerText()).length).toBeLessThan(100);
        expect(await route.getAttribute('href')).toMatch(/^\/traces\?route=javascript/);
      });
    }
  } finally {
    Object.assign(options, before);
  }
});

inBrowser('an empty mesh tells what to do next, and an absent control plane is said, not hidden', async () => {
  const empty = openTelemetry({
    stateDir: path.join(folder, 'absent'),
    retentionHours: 1,
    clock: systemClock,
    log: silentLog,
  });
  const nothing = await startConsoleServer({
    ...options,
    telemetry: empty,
    snapshot: { services: new Map(), workloads: new Map() } as unknown as ConsoleServerOptions['snapshot'],
    proxies: { items: [] },
  });
  const page = await browser.newPage();
  try {
    for (const [pathname, command] of [
      ['/', 'heddle run'],
      ['/graph', 'curl http://localhost:8080/'],
      ['/traces', 'curl http://localhost:8080/'],
      ['/proxies', 'heddle inject'],
      ['/nowhere', 'There is no such page'],
    ] as const) {
      await page.goto(nothing.url + pathname);
      await page.getByText(command).first().waitFor();
    }
    await page.goto(nothing.url);
    await page.getByText('No services yet').waitFor();
    await nothing.close();
    await page.getByText('the control plane does not answer').waitFor();
    await page.getByText('control plane away').waitFor();
  } finally {
    await page.close();
    await nothing.close();
    empty.close();
  }
});
