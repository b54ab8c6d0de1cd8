import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, get, type Reply, startApp, startTcp } from '../harness/app.ts';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { until } from '../harness/process.ts';

let mesh: TestMesh;
let app: App;
let web: ProxyProcess;
let resetting: { port: number; close(): Promise<void> };

const service = (name: string, port: number) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 80, targetPort: main}]}
---
apiVersion: heddle.dev/v1alpha1
kind: Workload
metadata: {name: ${name}-1, labels: {app: ${name}}}
spec: {address: 127.0.0.1, serviceAccount: ${name}, mesh: false, ports: [{name: main, port: ${port}}]}
`;

beforeAll(async () => {
  mesh = await TestMesh.start();
  app = await startApp((request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('late'), 3000);
    else response.end('ok');
  });
  // Accepts, reads the request, then resets without a byte of answer.
  resetting = await startTcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
  await mesh.apply(
    [
      service('app', app.port),
      service('resets', resetting.port),
      service('refuses', 1),
      'apiVersion: v1\nkind: Service\nmetadata: {name: empty}\nspec: {selector: {app: empty}, ports: [{name: http, port: 80}]}\n',
      `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: app}
spec:
  parentRefs: [{group: "", kind: Service, name: app}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /slow}}]
      timeouts: {request: 300ms}
      backendRefs: [{name: app, port: 80}]
    - matches: [{path: {type: PathPrefix, value: /ok}}]
      backendRefs: [{name: app, port: 80}]
`,
    ].join('---\n'),
  );
  web = await mesh.sidecar('web', { flags: ['--access-log', '-'] });
  await until(async () => (await ask('app', '/ok')).status === 200, 'the first answer');
}, 60_000);

afterAll(async () => {
  await mesh.close();
  await app.close();
  await resetting.close();
});

/** A request through the forward proxy. */
function ask(host: string, path: string): Promise<Reply> {
  return get(`http://127.0.0.1:${web.ready.ports.outbound}/`, { path: `http://${host}${path}`, headers: { host } });
}

interface Expected {
  status: number;
  reason: string;
  flag: string;
  /** What a person must find in the message. */
  says: RegExp;
}

async function expectExplained(reply: Reply, expected: Expected): Promise<void> {
  expect(reply.status).toBe(expected.status);
  expect(reply.headers['x-heddle-reason']).toMatch(new RegExp(`^${expected.reason}(;|$)`));
  const body = JSON.parse(reply.body) as { error: { reason: string; message: string; requestId: string } };
  expect(body.error.reason).toBe(expected.reason);
  expect(body.error.message).toMatch(expected.says);
  expect(body.error.requestId).not.toBe('');

  const line = () =>
    web.program.stdout
      .split('\n')
      .filter((each) => each.includes(body.error.requestId))
      .map((each) => JSON.parse(each) as Record<string, unknown>)[0];
  await until(
    () => line() !== undefined,
    'the access log line',
    5000,
    () => web.program.stdout.slice(-2000),
  );
  expect(line()).toMatchObject({ response_code: expected.status, reason: expected.reason });
  expect(String(line()?.response_flags)).toContain(expected.flag);

  const metrics = await get(`http://127.0.0.1:${web.ready.ports.admin}/stats/prometheus`);
  const series = metrics.body
    .split('\n')
    .filter((each) => each.startsWith('heddle_requests_total') && each.includes(`response_code="${expected.status}"`));
  expect(series.join('\n')).toContain(expected.flag);
}

test('an unknown host is 404 NR and says which', async () => {
  await expectExplained(await ask('nobody', '/'), { status: 404, reason: 'unknown-host', flag: 'NR', says: /nobody/ });
});

test('a path without a route is 404 NR and names the host', async () => {
  await expectExplained(await ask('app', '/elsewhere'), { status: 404, reason: 'no-route', flag: 'NR', says: /app/ });
});

test('a service without endpoints is 503 UH and names the service', async () => {
  await expectExplained(await ask('empty', '/'), {
    status: 503,
    reason: 'no-healthy-endpoints',
    flag: 'UH',
    says: /empty/,
  });
});

test('a refused connection is 503 UF', async () => {
  await expectExplained(await ask('refuses', '/'), {
    status: 503,
    reason: 'connect-refused',
    flag: 'UF',
    says: /refuse/,
  });
});

test('an upstream that resets is 503 UC', async () => {
  await expectExplained(await ask('resets', '/'), {
    status: 503,
    reason: 'upstream-reset',
    flag: 'UC',
    says: /reset|closed/,
  });
});

test('a request time-out is 504 UT and names the knob', async () => {
  await expectExplained(await ask('app', '/slow'), {
    status: 504,
    reason: 'request-timeout',
    flag: 'UT',
    says: /timeouts\.request/,
  });
});

test('a bad request is 400 with the reason, a counter, and nothing forwarded', async () => {
  const seen = app.requests.length;
  const socket = net.connect(web.ready.ports.outbound, '127.0.0.1');
  socket.write('GET http://app/ok HTTP/1.1\r\nHost: app\r\nHost: other\r\n\r\n');
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer.toLowerCase()).toContain('x-heddle-reason: ');
  expect(app.requests.length).toBe(seen);
  const metrics = await get(`http://127.0.0.1:${web.ready.ports.admin}/stats/prometheus`);
  expect(metrics.body).toMatch(/heddle_refused_total\{[^}]*host[^}]*\} [1-9]/);
});

test("the upstream's own errors pass untouched", async () => {
  const own = await startApp((_, response) => {
    response.writeHead(503, { 'content-type': 'text/plain' });
    response.end('mine');
  });
  await mesh.apply(service('own', own.port));
  await until(async () => (await ask('own', '/')).body === 'mine', 'the upstream to be known');
  const reply = await ask('own', '/');
  expect(reply.status).toBe(503);
  expect(reply.headers['x-heddle-reason']).toBeUndefined();
  await own.close();
});
