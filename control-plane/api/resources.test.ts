import { afterEach, beforeEach, expect, test } from 'vitest';
import type {
  ApiError,
  ApplyResponse,
  DiffResponse,
  Info,
  Resource,
  ResourceList,
  TokenResponse,
} from '../../proto/api/v1.ts';
import { makeServerCertificate } from '../../test/harness/certificates.ts';
import { folderSource } from '../sources/ownership.ts';
import { testService } from '../store/test-state.ts';
import { TestApi } from './test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = new TestApi();
  await api.start();
});
afterEach(() => api.close());

const file = (...objects: unknown[]) => ({
  files: [{ name: 'shop.yaml', text: objects.map((object) => JSON.stringify(object)).join('\n---\n') }],
});
const actions = ({ results }: ApplyResponse) =>
  results.map(({ kind, namespace, name, action }) => `${action} ${kind} ${namespace}/${name}`);
const unnamed = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } };

test('apply creates, configures or leaves alone, and fills in the namespace', async () => {
  const apply = async (...objects: unknown[]) =>
    actions((await api.post<ApplyResponse>('/api/v1/apply', file(...objects))).body);
  expect(await apply(testService('cart'), unnamed)).toEqual([
    'created Service shop/cart',
    'created Service default/web',
  ]);
  const changed = testService('cart', 'shop', { ports: [{ port: 81 }] });
  expect(await apply(changed, unnamed)).toEqual(['configured Service shop/cart', 'unchanged Service default/web']);
  const dry = { ...file(testService('cart')), dryRun: true };
  expect(actions((await api.post<ApplyResponse>('/api/v1/apply', dry)).body)).toEqual(['configured Service shop/cart']);
  const read = await api.get<Resource>('/api/v1/resources/svc/shop/cart');
  expect(read.spec).toMatchObject({ ports: [{ port: 81 }] });
  expect(read.metadata).toMatchObject({ generation: 2, resourceVersion: '3' });
  expect(read.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Accepted', status: 'True' }));
});

test('a broken set of files changes nothing and lists every problem of every file', async () => {
  const text = 'apiVersion: v1\nkind: Service\nmetadata: {name: ok}\nspec: {ports: [{port: 80}]}\n';
  const files = [
    { name: 'ok.yaml', text },
    { name: 'bad.yaml', text: text.replace('port: 80', 'port: 0') },
    { name: 'worse.yaml', text: 'a: [' },
  ];
  const { status, body } = await api.post('/api/v1/apply', { files });
  expect(status).toBe(422);
  expect(body.error.message).toMatch(/problems; nothing was changed$/);
  expect(body.error.problems).toContainEqual(
    expect.objectContaining({ file: 'bad.yaml', line: 4, field: 'spec.ports[0].port', object: 'Service default/ok' }),
  );
  expect(new Set(body.error.problems?.map((problem) => problem.file))).toEqual(new Set(['bad.yaml', 'worse.yaml']));
  expect(api.state.store.list()).toEqual([]);
  expect((await api.post('/api/v1/apply', file())).status).toBe(422);
});

test('diff shows before and after as YAML and changes nothing', async () => {
  await api.post('/api/v1/apply', file(testService('cart')));
  const { body } = await api.post<DiffResponse>(
    '/api/v1/diff',
    file(testService('cart', 'shop', { ports: [{ port: 81 }] }), testService('new')),
  );
  expect(body.objects.map(({ name, action }) => [name, action])).toEqual([
    ['cart', 'configured'],
    ['new', 'created'],
  ]);
  expect(body.objects[0]?.before).toContain('port: 80');
  expect(body.objects[0]?.after).toContain('port: 81');
  expect(body.objects[0]?.after).not.toContain('resourceVersion');
  expect(body.objects[1]?.before).toBe('');
  expect(api.state.store.list()).toHaveLength(1);
});

test('delete takes files, valid or not, or names, and tells what was not there', async () => {
  await api.post('/api/v1/apply', file(testService('a'), testService('b')));
  const broken = { ...testService('a'), spec: 'broken' };
  const byFile = await api.post<ApplyResponse>('/api/v1/delete', file(broken));
  expect(actions(byFile.body)).toEqual(['deleted Service shop/a']);
  const objects = [
    { kind: 'svc', namespace: 'shop', name: 'b' },
    { kind: 'HTTPRoute', namespace: 'shop', name: 'x' },
  ];
  const byName = await api.post<ApplyResponse>('/api/v1/delete', { objects });
  expect(actions(byName.body)).toEqual(['deleted Service shop/b', 'not-found HTTPRoute shop/x']);
  expect(api.state.store.list()).toEqual([]);
  expect((await api.post('/api/v1/delete', {})).status).toBe(422);
});

test('an object of a watched folder is changed there and not here', async () => {
  api.state.store.put(testService('cart'), folderSource('/etc/heddle/cart.yaml'));
  for (const [path, body] of [
    ['/api/v1/apply', file(testService('cart', 'shop', { ports: [{ port: 81 }] }), testService('other'))],
    ['/api/v1/delete', { objects: [{ kind: 'Service', namespace: 'shop', name: 'cart' }] }],
  ] as const) {
    const answer = await api.post(path, body);
    expect(answer.status).toBe(409);
    expect(answer.body.error.message).toContain(
      'Service shop/cart is defined by /etc/heddle/cart.yaml; change it there',
    );
  }
  expect(api.state.store.list()).toHaveLength(1);
});

test('UI-14: a write on the version that was read succeeds, one on an older version is refused', async () => {
  await api.post('/api/v1/apply', file(testService('cart')));
  const { headers } = await api.request('GET', '/api/v1/resources/services/shop/cart');
  const etag = String(headers.etag);
  const mine = file(testService('cart', 'shop', { ports: [{ port: 81 }] }));
  const theirs = file(testService('cart', 'shop', { ports: [{ port: 82 }] }));
  expect((await api.post('/api/v1/apply', theirs, { 'if-match': etag })).status).toBe(200);
  expect((await api.post('/api/v1/apply', mine, { 'if-match': etag })).status).toBe(412);
  const named = { objects: [{ kind: 'Service', namespace: 'shop', name: 'cart' }] };
  expect((await api.post('/api/v1/delete', named, { 'if-match': etag })).status).toBe(412);
  expect((await api.post('/api/v1/apply', file(testService('a'), testService('b')), { 'if-match': etag })).status).toBe(
    400,
  );
  expect(api.state.store.get('Service', 'shop', 'cart')?.resource.spec).toMatchObject({ ports: [{ port: 82 }] });
});

test('CF-14: a secret is never read back, listed or shown in a diff or an error', async () => {
  const { chainPem, privateKeyPem } = await makeServerCertificate('shop.example.com');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'web', namespace: 'shop' },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': chainPem, 'tls.key': privateKeyPem },
  };
  const broken = { ...secret, stringData: { ...secret.stringData, 'tls.crt': 'x' } };
  const answers = [
    await api.post('/api/v1/apply', file(secret)),
    await api.post('/api/v1/diff', file({ ...secret, stringData: { ...secret.stringData, more: 'canary-value' } })),
    await api.post('/api/v1/apply', file(broken)),
    await api.get('/api/v1/resources/secrets/shop/web'),
    await api.get('/api/v1/resources/all'),
    (await api.request('GET', '/metrics')).text,
  ];
  const shown = JSON.stringify(answers);
  for (const canary of [
    'PRIVATE KEY',
    privateKeyPem.split('\n')[1] as string,
    chainPem.split('\n')[1] as string,
    'canary-value',
  ]) {
    expect(shown).not.toContain(canary);
  }
  expect(shown).toContain('<redacted>');
});

test('UI-15: lists come in pages of at most 500, by kind, namespace and name', async () => {
  api.state.store.transaction(() => {
    for (let i = 0; i < 1_100; i++) api.state.store.put(testService(`s${i}`, i % 2 === 0 ? 'a' : 'a-b'), 'api');
  });
  const names: string[] = [];
  let query = '?limit=100000';
  for (let pages = 0; pages < 10; pages++) {
    const { items, continue: next } = await api.get<ResourceList>(`/api/v1/resources/all${query}`);
    expect(items.length).toBeLessThanOrEqual(500);
    names.push(...items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
    if (next === undefined) break;
    query = `?continue=${encodeURIComponent(next)}`;
  }
  expect(new Set(names).size).toBe(1_100);
  const filtered = await api.get<ResourceList>('/api/v1/resources/services?namespace=.*&limit=5');
  expect(filtered.items).toEqual([]);
  expect((await api.get<ResourceList>('/api/v1/resources/services?namespace=a&limit=5')).items).toHaveLength(5);
});

test('what is not there is 404 with a word on what is', async () => {
  expect((await api.get<ApiError>('/api/v1/resources/servces')).error.message).toContain('services/svc');
  expect((await api.get<ApiError>('/api/v1/resources/svc/shop/x')).error.code).toBe('not-found');
  expect((await api.get<ApiError>('/api/v1/proxies/x.y/config/clusters')).error.code).toBe('not-found');
  expect((await api.get<ApiError>('/api/v1/proxies/cart-1.shop/config/keys')).error.code).toBe('unknown-type');
  expect((await api.get<ApiError>('/api/v1/traces/abcd')).error.code).toBe('not-found');
  expect((await api.request('GET', '/api/v1/resources/svc/%ff/x')).status).toBe(400);
});

test('a join token comes with the roots and the address that its sidecar needs', async () => {
  const { status, body } = await api.post<TokenResponse>('/api/v1/tokens', {
    namespace: 'shop',
    serviceAccount: 'cart',
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({ trustBundle: 'PEM', xdsAddress: '127.0.0.1:15012' });
  expect(Date.parse(body.expiresAt)).toBe(api.clock.wallTime() + 600_000);
  expect(api.state.tokens.redeem(body.token)).toEqual({ namespace: 'shop', serviceAccount: 'cart' });
  expect(
    (await api.post('/api/v1/tokens', { namespace: 'shop', serviceAccount: 'cart', ttlSeconds: 86_401 })).status,
  ).toBe(400);
});

test('spans sent as OTLP are read back as a trace', async () => {
  const start = BigInt(api.clock.wallTime()) * 1_000_000n;
  const span = {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    name: 'GET /',
    kind: 2,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 5_000_000n),
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'web' } }] };
  const request = { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] };
  const { status } = await api.request(
    'POST',
    '/v1/traces',
    { 'content-type': 'application/json' },
    JSON.stringify(request),
  );
  expect(status).toBe(200);
  expect(await api.get('/api/v1/traces/aaaa')).toMatchObject({ traceId: 'a'.repeat(32), spans: [{ name: 'GET /' }] });
  expect((await api.request('POST', '/v1/traces', { 'content-type': 'text/plain' }, '{}')).status).toBe(415);
});

test('info, health and metrics tell how the control plane is; a missing console says how to build it', async () => {
  const info = await api.get<Info>('/api/v1/info');
  expect(info).toMatchObject({ trustDomain: 'cluster.local', ports: { api: api.port, xds: 15_012 } });
  expect((await api.request('GET', '/healthz')).text).toBe('ok\n');
  expect((await api.request('GET', '/readyz')).status).toBe(200);
  await api.post('/api/v1/apply', file(testService('cart')));
  const { text, headers } = await api.request('GET', '/metrics');
  expect(headers['content-type']).toContain('text/plain; version=0.0.4');
  expect(text).toContain('heddle_objects{kind="Service"} 1');
  expect(text).toMatch(/heddle_api_requests_total\{method="POST",code="200"\} 1/);
  expect((await api.request('GET', '/')).text).toContain('npm run build:ui');
});
