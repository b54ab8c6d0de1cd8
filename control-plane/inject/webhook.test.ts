import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../lib/log.ts';
import { makeServerCertificate } from '../../test/harness/certificates.ts';
import { defaultInjectOptions } from './options.ts';
import { startWebhook, type Webhook } from './webhook.ts';

let webhook: Webhook;
let certificate: { chainPem: string; privateKeyPem: string };

beforeAll(async () => {
  certificate = await makeServerCertificate('localhost');
  webhook = await startWebhook({
    address: '127.0.0.1',
    port: 0,
    certificate: () => certificate,
    inject: defaultInjectOptions,
    log: silentLog,
  });
});
afterAll(() => webhook.close());

interface Answer {
  status: number;
  body: { error?: string; response?: { uid: string; allowed: boolean; patch?: string; status?: { message: string } } };
}

function post(body: string | Buffer, headers: Record<string, string> = {}, method = 'POST'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        port: webhook.port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: certificate.chainPem,
        path: '/inject?timeout=3s',
        method,
        agent: false,
        headers: { 'content-type': 'application/json', ...headers },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

const review = (object: unknown, more: object = {}) =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      namespace: 'shop',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
      dryRun: false,
      object,
      ...more,
    },
  });

interface Patch {
  op: string;
  path: string;
  value: unknown;
}

/** RFC 6902 `add`, enough to see what an API server would store. */
function patched(object: object, base64: string): object {
  const result = structuredClone(object) as Record<string, unknown>;
  for (const { path: pointer, value } of JSON.parse(Buffer.from(base64, 'base64').toString()) as Patch[]) {
    const steps = pointer
      .slice(1)
      .split('/')
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = steps.pop() as string;
    let parent = result;
    for (const step of steps) parent = parent[step] as Record<string, unknown>;
    if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : Number(last), 0, value);
    else parent[last] = value;
  }
  return result;
}

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { generateName: 'web-7d4b9-', labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'web:1' }], volumes: [{ name: 'mine', emptyDir: {} }] },
};

test('a recorded review of a new pod is answered with a patch that adds the sidecar and keeps the rest', async () => {
  const { status, body } = await post(review(pod));
  expect(status).toBe(200);
  expect(body.response).toMatchObject({
    uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
    allowed: true,
    patchType: 'JSONPatch',
  });
  const result = patched(pod, body.response?.patch as string) as typeof pod & {
    spec: { initContainers: { name: string }[] };
  };
  expect(result.spec.initContainers.map(({ name }) => name)).toEqual(['heddle-init', 'heddle-proxy']);
  expect(result.spec.volumes.map(({ name }) => name)).toEqual([
    'mine',
    'heddle-state',
    'heddle-trust-bundle',
    'heddle-token',
  ]);
  expect(result.spec.containers).toEqual(pod.spec.containers);

  const again = await post(review(result));
  expect(again.body.response).toMatchObject({ allowed: true });
  expect(again.body.response?.patch).toBeUndefined();
});

test('WH-07: annotation names with slash and tilde survive, missing parents are made', async () => {
  const odd = { ...pod, metadata: { annotations: { 'a~b/c': 'x' } } };
  const { body } = await post(review(odd));
  const result = patched(odd, body.response?.patch as string) as { metadata: { annotations: Record<string, string> } };
  expect(Object.keys(result.metadata.annotations)).toEqual(['a~b/c', 'heddle.dev/status']);
  const bare = { spec: { containers: [] } };
  const answer = await post(review(bare));
  expect(patched(bare, answer.body.response?.patch as string)).toHaveProperty('metadata.annotations');
});

test('WH-03: what is no creation of a pod is allowed unmodified; what is no review is 400', async () => {
  for (const more of [
    { operation: 'UPDATE' },
    { operation: 'DELETE' },
    { subResource: 'ephemeralcontainers' },
    { kind: { group: 'apps', version: 'v1', kind: 'Deployment' } },
  ]) {
    const { status, body } = await post(review(pod, more));
    expect([status, body.response?.allowed, body.response?.patch]).toEqual([200, true, undefined]);
  }
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  for (const bad of [
    '{',
    '',
    'null',
    '[]',
    deep,
    '{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{}}',
    review(pod, { uid: '' }),
  ]) {
    expect((await post(bad)).status).toBe(400);
  }
  expect((await post('', {}, 'GET')).status).toBe(405);
});

test('WH-02: a body over 3 MiB is 413, a compressed one 415', async () => {
  expect((await post(Buffer.alloc(4 * 1024 * 1024, 0x20)).catch(() => ({ status: 413 }))).status).toBe(413);
  expect((await post('x', { 'content-encoding': 'gzip' })).status).toBe(415);
});

test('WH-05: a pod with a wrong annotation is denied with every problem', async () => {
  const annotations = {
    'config.heddle.dev/proxy-image': 'evil.example/x:1',
    'config.heddle.dev/proxy-cpu-limit': 'lots',
  };
  const { body } = await post(review({ ...pod, metadata: { annotations } }));
  expect(body.response?.allowed).toBe(false);
  expect(body.response?.status?.message).toMatch(/proxy-cpu-limit.*proxy-image/);
});

test('WH-10: pods of the own and of the system namespaces are never touched', async () => {
  for (const namespace of ['kube-system', 'heddle-system']) {
    const { body } = await post(review(pod, { namespace }));
    expect([body.response?.allowed, body.response?.patch]).toEqual([true, undefined]);
  }
});

test('the text filter injects a file, keeps its bytes on refusal, and says what it did', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heddle-inject-'));
  const file = path.join(folder, 'pod.yaml');
  fs.writeFileSync(file, 'kind: Pod\nmetadata:\n  name: x # here\nspec:\n  containers: []\n');
  const main = path.join(import.meta.dirname, 'main.ts');
  const output = execFileSync(process.execPath, [main, '-q', '-f', file], { encoding: 'utf8' });
  expect(output).toContain('name: x # here');
  expect(output).toContain('name: heddle-proxy');
  fs.rmSync(folder, { recursive: true });
});
