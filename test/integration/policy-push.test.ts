import http from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, get, startApp } from '../harness/app.ts';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { until } from '../harness/process.ts';

let mesh: TestMesh;
let apps: App[];
let web: ProxyProcess;

const services = ['ratings', 'ratings-v1', 'ratings-v2']
  .map(
    (name) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ratings${name === 'ratings' ? '' : `, version: ${name.slice(-2)}`}}
  ports: [{name: http, port: 80, targetPort: main}]
`,
  )
  .join('---');

const route = (v1: number, v2: number) => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ratings}
spec:
  parentRefs: [{group: "", kind: Service, name: ratings}]
  rules:
    - backendRefs:
        - {name: ratings-v1, port: 80, weight: ${v1}}
        - {name: ratings-v2, port: 80, weight: ${v2}}
`;

beforeAll(async () => {
  mesh = await TestMesh.start();
  apps = await Promise.all(['v1', 'v2'].map((version) => startApp((_, response) => response.end(version))));
  await mesh.apply(services);
  await mesh.apply(route(100, 0));
  for (const [index, app] of apps.entries()) {
    await mesh.sidecar(`ratings-v${index + 1}`, {
      port: app.port,
      labels: { app: 'ratings', version: `v${index + 1}` },
      serviceAccount: 'ratings',
    });
  }
  web = await mesh.sidecar('web', { upstreams: ['ratings:80'] });
  await until(async () => (await get(url())).status === 200, 'the first answer');
}, 60_000);

afterAll(async () => {
  await mesh.close();
  for (const app of apps) await app.close();
});

const url = () => `http://127.0.0.1:${mesh.upstream(web, 'ratings:80')}/`;

const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
afterAll(() => agent.destroy());

/** How many of `count` requests v2 answered. */
async function shareOfV2(count: number): Promise<number> {
  let v2 = 0;
  for (let done = 0; done < count; done += 20) {
    const replies = await Promise.all(Array.from({ length: 20 }, () => get(url(), { agent })));
    expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
    v2 += replies.filter(({ body }) => body === 'v2').length;
  }
  return v2 / count;
}

test('a canary route moves 20 % of requests within 3 %, and deleting restores', { timeout: 60_000 }, async () => {
  expect(await shareOfV2(100)).toBe(0);
  await mesh.apply(route(80, 20));
  await mesh.synced();
  await until(async () => (await shareOfV2(60)) > 0, 'the canary to be in force');
  const share = await shareOfV2(2000);
  expect(share).toBeGreaterThan(0.17);
  expect(share).toBeLessThan(0.23);
  await mesh.apply(route(100, 0));
  await until(async () => (await shareOfV2(60)) === 0, 'the canary to be gone');
});

test('a broken file changes nothing and lists all its problems', async () => {
  const before = (await mesh.request<{ items: unknown[] }>('GET', '/api/v1/resources/all')).body.items;
  const text = `${route(50, 50).replace('weight: 50', 'weight: -1').replace('parentRefs', 'parentRef')}---
apiVersion: heddle.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: t}
spec: {timouts: {request: 5s}, retries: {attempts: many}}
`;
  const { status, body } = await mesh.request<{ error: { problems: { file: string; line: number; field: string }[] } }>(
    'POST',
    '/api/v1/apply',
    { files: [{ name: 'broken.yaml', text }] },
  );
  expect(status).toBe(422);
  expect(body.error.problems.length).toBeGreaterThanOrEqual(4);
  for (const problem of body.error.problems) {
    expect(problem.file).toBe('broken.yaml');
    expect(problem.line).toBeGreaterThan(1);
  }
  expect(body.error.problems.map(({ field }) => field).join(' ')).toMatch(/weight.*timouts.*attempts|timouts/s);
  expect((await mesh.request<{ items: unknown[] }>('GET', '/api/v1/resources/all')).body.items).toEqual(before);
});
