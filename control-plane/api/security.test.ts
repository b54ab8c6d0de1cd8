import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiError } from '../../proto/api/v1.ts';
import { testService } from '../store/test-state.ts';
import { TestApi } from './test-api.ts';

const api = new TestApi();
beforeAll(async () => {
  api.addConsoleFile('index.html', '<!doctype html>console');
  api.addConsoleFile('assets/app-1a2b.js', 'export {};');
  api.addConsoleFile('assets/app-1a2b.js.map', '{}');
  api.addConsoleFile('.env', 'SECRET=1');
  await api.start();
});
afterAll(() => api.close());

const json = { 'content-type': 'application/json', 'x-heddle-client': 'test' };
const change = JSON.stringify({ files: [{ name: 'a', text: JSON.stringify(testService('forged')) }] });

test('UI-02: what a page of another origin can send changes nothing', async () => {
  const own = `http://127.0.0.1:${api.port}`;
  const attempts: [Record<string, string>, number][] = [
    [{ 'content-type': 'application/json' }, 403],
    [{ ...json, origin: 'http://evil.example' }, 403],
    [{ ...json, origin: 'null' }, 403],
    [{ ...json, origin: `http://127.0.0.1:${api.port + 1}` }, 403],
    [{ ...json, origin: `${own}.evil.example` }, 403],
    [{ ...json, 'sec-fetch-site': 'cross-site' }, 403],
    [{ ...json, 'content-type': 'text/plain' }, 415],
    [{ ...json, 'content-type': 'application/x-www-form-urlencoded' }, 415],
    [{ ...json, 'content-type': 'text/plain; application/json' }, 415],
  ];
  for (const [headers, status] of attempts) {
    expect([headers, (await api.request('POST', '/api/v1/apply', headers, change)).status]).toEqual([headers, status]);
  }
  expect(api.state.store.list()).toEqual([]);
  const preflight = await api.request('OPTIONS', '/api/v1/apply', { origin: 'http://evil.example' });
  expect(preflight.status).toBe(405);
  expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect((await api.request('POST', '/api/v1/apply', { ...json, origin: own }, change)).status).toBe(200);
});

test('UI-03: a Host that is not ours is refused on every path', async () => {
  const port = api.port;
  for (const host of [
    `evil.example:${port}`,
    `localhost.evil.example:${port}`,
    'localhost',
    `localhost:${port + 1}`,
    `127.0.0.1.nip.io:${port}`,
  ]) {
    for (const path of ['/', '/api/v1/info', '/metrics', '/healthz']) {
      expect([host, path, (await api.request('GET', path, { host })).status]).toEqual([host, path, 421]);
    }
  }
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) {
    expect((await api.request('GET', '/healthz', { host })).status).toBe(200);
  }
});

test('UI-04: every answer, errors too, carries the security headers', async () => {
  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/api/v1/info'],
    ['GET', '/nothing.js'],
    ['POST', '/api/v1/apply'],
  ] as const) {
    const { headers } = await api.request(method, path);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
  }
});

test('UI-08: fields that a request does not have are refused, also those that reach a prototype', async () => {
  for (const more of ['"role": "admin"', '"__proto__": {"dryRun": true}', '"constructor": 1']) {
    const body = `{"namespace": "shop", "serviceAccount": "cart", ${more}}`;
    const { status, text } = await api.request('POST', '/api/v1/tokens', json, body);
    expect([more, status, (JSON.parse(text) as ApiError).error.code]).toEqual([more, 400, 'bad-request']);
  }
  expect(({} as Record<string, unknown>).dryRun).toBeUndefined();
});

test('UI-09: files come from a list made at the start; nothing else is reached by any path', async () => {
  expect((await api.request('GET', '/')).text).toContain('console');
  expect((await api.request('GET', '/assets/app-1a2b.js')).headers['content-type']).toContain('javascript');
  for (const path of [
    '/assets/app-1a2b.js.map',
    '/.env',
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/assets/../.env',
    '/assets/%2e%2e/.env',
    '//etc/passwd.txt',
    '/assets/..\\..\\package.json',
    '/index.html%00.js',
  ]) {
    expect([path, (await api.request('GET', path)).status]).toEqual([path, 404]);
  }
  expect((await api.request('GET', '/traces/4f2a')).text).toContain('console');
  expect((await api.request('GET', '/api/v1/nothing')).status).toBe(404);
  expect((await api.request('DELETE', '/')).status).toBe(405);
});

test('UI-15: a body over 4 MiB is refused, announced or not', async () => {
  const announced = await api
    .request('POST', '/api/v1/apply', { ...json, 'content-length': '104857600' })
    .catch(String);
  expect(announced).toMatchObject({ status: 413 });
  const chunked = await api
    .request('POST', '/api/v1/apply', { ...json, 'transfer-encoding': 'chunked' }, 'x'.repeat(4 * 1024 * 1024 + 1))
    .catch(() => ({ status: 413 }));
  expect(chunked.status).toBe(413);
});

test('L-98: changes beyond 50 a second are put off, reading is not', async () => {
  const statuses = new Set<number>();
  for (let i = 0; i < 220; i++) statuses.add((await api.request('POST', '/api/v1/apply', json, '{}')).status);
  expect(statuses).toEqual(new Set([400, 429]));
  expect((await api.request('GET', '/api/v1/info')).status).toBe(200);
  api.clock.advance(10_000);
  expect((await api.request('POST', '/api/v1/apply', json, '{}')).status).toBe(400);
});

test('the body of a refused request is not taken for the next one', async () => {
  const { headers, status } = await api.request(
    'POST',
    '/api/v1/apply',
    { 'content-type': 'application/json' },
    change,
  );
  expect(status).toBe(403);
  expect(headers.connection).toBe('close');
});
