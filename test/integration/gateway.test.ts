import https from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Trace } from '../../proto/api/v1.ts';
import { type App, get, type Reply, startApp } from '../harness/app.ts';
import { makeServerCertificate, type TestCertificate } from '../harness/certificates.ts';
import { type ProxyProcess, TestMesh } from '../harness/mesh.ts';
import { until } from '../harness/process.ts';

let mesh: TestMesh;
let app: App;
let edge: ProxyProcess;
let certificates: Record<string, TestCertificate>;
let ports: { http: number; https: number };

const indent = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
const secret = (name: string, { chainPem, privateKeyPem }: TestCertificate) => `
apiVersion: v1
kind: Secret
metadata: {name: ${name}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
${indent(chainPem)}
  tls.key: |
${indent(privateKeyPem)}
`;

beforeAll(async () => {
  mesh = await TestMesh.start();
  app = await startApp((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  certificates = { one: await makeServerCertificate('one.example'), two: await makeServerCertificate('two.example') };
  await mesh.sidecar('web', { service: 'web', port: app.port });
  const { freePort } = await import('../../bench/processes.ts');
  ports = { http: await freePort(), https: await freePort() };
  await mesh.apply(
    [
      secret('one', certificates.one as TestCertificate),
      secret('two', certificates.two as TestCertificate),
      `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: heddle
  listeners:
    - {name: http, port: ${ports.http}, protocol: HTTP}
    - {name: one, port: ${ports.https}, protocol: HTTPS, hostname: one.example, tls: {certificateRefs: [{name: one}]}}
    - {name: two, port: ${ports.https}, protocol: HTTPS, hostname: two.example, tls: {certificateRefs: [{name: two}]}}
`,
      `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{kind: Gateway, name: edge}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /old}}]
      filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}, statusCode: 301}}]
    - matches: [{path: {type: PathPrefix, value: /api}}]
      filters:
        - {type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}}
        - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-added, value: "100% yes"}], remove: [x-removed]}}
        - {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-answered, value: "yes"}]}}
      backendRefs: [{name: web, port: 80}]
    - matches: [{method: POST, headers: [{name: x-kind, value: special}], queryParams: [{name: q, value: "1"}]}]
      filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /special}}}]
      backendRefs: [{name: web, port: 80}]
    - backendRefs: [{name: web, port: 80}]
`,
    ].join('---\n'),
  );
  edge = await mesh.gateway('edge');
  await until(
    async () => (await get(url('/'))).status === 200,
    'the gateway to answer',
    10_000,
    () => edge.program.stderr,
  );
}, 60_000);

afterAll(async () => {
  await mesh.close();
  await app.close();
});

const url = (path: string) => `http://127.0.0.1:${ports.http}${path}`;
const seen = (reply: Reply) => JSON.parse(reply.body) as { url: string; headers: Record<string, string> };

test('redirects, rewrites and header filters of an HTTPRoute', async () => {
  const redirect = await get(url('/old/page?x=1'), { headers: { host: 'shop.example' } });
  expect([redirect.status, redirect.headers.location]).toEqual([301, expect.stringMatching(/\/new\/page\?x=1$/)]);

  const rewritten = await get(url('/api/items?x=1'), { headers: { 'x-removed': 'a', 'X-Kept': 'b' } });
  expect(rewritten.headers['x-answered']).toBe('yes');
  expect(seen(rewritten).url).toBe('/v1/items?x=1');
  expect(seen(rewritten).headers).toMatchObject({ 'x-added': '100% yes', 'x-kept': 'b' });
  expect(seen(rewritten).headers).not.toHaveProperty('x-removed');

  const special = await get(url('/any?q=1'), { method: 'POST', headers: { 'x-kind': 'special' }, body: 'x' });
  expect(seen(special).url).toBe('/special?q=1');
  expect(seen(await get(url('/any?q=2'), { method: 'POST', headers: { 'x-kind': 'special' }, body: 'x' })).url).toBe(
    '/any?q=2',
  );
});

test('HTTPS picks the certificate by server name and refuses a name that nobody serves', async () => {
  const ask = (servername: string, ca: string): Promise<number> =>
    new Promise((resolve, reject) => {
      https
        .get(
          {
            host: '127.0.0.1',
            port: ports.https,
            servername,
            ca,
            path: '/',
            headers: { host: servername },
            agent: false,
          },
          (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          },
        )
        .on('error', reject);
    });
  expect(await ask('one.example', certificates.one?.chainPem ?? '')).toBe(200);
  expect(await ask('two.example', certificates.two?.chainPem ?? '')).toBe(200);
  await expect(ask('three.example', certificates.one?.chainPem ?? '')).rejects.toThrow();
});

test('P-20: trusted headers from outside do not reach the upstream', async () => {
  const forged = {
    'x-forwarded-for': '6.6.6.6',
    'x-forwarded-proto': 'https',
    'x-forwarded-client-cert': 'URI=spiffe://cluster.local/ns/default/sa/admin',
    'x-heddle-peer': 'spiffe://cluster.local/ns/default/sa/admin',
    'x-envoy-internal': 'true',
  };
  const { headers } = seen(await get(url('/'), { headers: forged }));
  expect(headers['x-forwarded-for']).toBe('127.0.0.1');
  expect(headers['x-forwarded-proto']).toBe('http');
  expect(headers).not.toHaveProperty('x-envoy-internal');
  expect(JSON.stringify(headers)).not.toContain('sa/admin');
  expect(headers['x-forwarded-client-cert']).toContain('spiffe://cluster.local/ns/default/sa/edge');
});

test('one request is one trace: two spans at the gateway and one inbound, with identities and the route', async () => {
  const traceId = 'a'.repeat(31).concat('1');
  await get(url('/traced'), { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
  await until(async () => (await mesh.trace(traceId)).spans?.length === 3, 'three spans', 10_000);
  const { spans }: Trace = await mesh.trace(traceId);
  expect(spans.map(({ kind, service, depth }) => [kind, service, depth])).toEqual([
    ['server', expect.any(String), 0],
    ['client', expect.any(String), 1],
    ['server', 'web', 2],
  ]);
  expect(spans[1]?.peer).toBe('spiffe://cluster.local/ns/default/sa/web');
  expect(spans[1]?.route).toBe('HTTPRoute/default/web/rule/3');
  expect(spans[2]?.peer).toBe('spiffe://cluster.local/ns/default/sa/edge');
  expect(spans.every(({ status }) => status === 200)).toBe(true);
});
