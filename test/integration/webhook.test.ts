import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startInjection } from '../../control-plane/injection.ts';
import { FakeClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import type { ResourceList } from '../../proto/api/v1.ts';
import { TestMesh } from '../harness/mesh.ts';
import { until } from '../harness/process.ts';
import { RawClient } from '../harness/raw-http.ts';

// The injection webhook as an API server calls it: a real control plane, TLS verified by its trust bundle.

interface Review {
  request: { uid: string; dryRun: boolean; object: Pod };
}
interface Pod {
  metadata: { annotations: Record<string, string> };
  spec: { initContainers: { name: string }[]; containers: object[]; volumes: { name: string }[] };
}
interface Answer {
  response: { uid: string; allowed: boolean; patchType?: string; patch?: string };
}
interface Operation {
  op: string;
  path: string;
  value: unknown;
}

const serviceName = 'heddle-control-plane.heddle-system.svc';
const recorded = fs.readFileSync(path.join(import.meta.dirname, '../data/admission-review-pod.json'), 'utf8');

let mesh: TestMesh;
let port: number;
let ca: string;
beforeAll(async () => {
  mesh = await TestMesh.start({ flags: ['--webhook-port', '0'] });
  port = (await mesh.controlPlane.ready<{ ports: { webhook: number } }>()).ports.webhook;
  ca = fs.readFileSync(mesh.trustBundle, 'utf8');
});
afterAll(() => mesh.close());

function review(change: (review: Review) => void = () => {}): Review {
  const copy = JSON.parse(recorded) as Review;
  change(copy);
  return copy;
}

/** Asks as an API server does: by the name of the Service, trusting the `caBundle` alone. */
function post(body: unknown, options: https.RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      {
        host: '127.0.0.1',
        port,
        servername: serviceName,
        ca,
        path: '/inject?timeout=3s',
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json' },
        ...options,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString()) as Answer));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

function operations(answer: Answer): Operation[] {
  return JSON.parse(Buffer.from(answer.response.patch ?? '', 'base64').toString()) as Operation[];
}

test("a recorded review of a Deployment's pod is answered with a patch that only adds", async () => {
  const answer = await post(review());
  expect(answer.response).toMatchObject({
    uid: '0c2e8a1e-50a8-4a3c-9f0e-6a1b5b2f7d90',
    allowed: true,
    patchType: 'JSONPatch',
  });
  const patch = operations(answer);
  expect(patch.every(({ op }) => op === 'add')).toBe(true);
  const { spec } = review().request.object;
  const added = (prefix: string) =>
    patch.filter((operation) => operation.path.startsWith(prefix)).map(({ value }) => (value as { name: string }).name);
  expect(added('/spec/volumes/')).toEqual(['heddle-state', 'heddle-trust-bundle', 'heddle-token']);
  expect(added('/spec/initContainers/').sort()).toEqual(['heddle-init', 'heddle-proxy']);
  expect(patch.some((operation) => operation.path.startsWith('/spec/containers'))).toBe(false);
  expect(spec.initContainers.map(({ name }) => name)).toEqual(['migrate']);
  const text = JSON.stringify(patch);
  expect(text).toContain('"--label=app=cart"');
  expect(text).toContain('"--skip-outbound-ports","5432"');
  expect(text).toContain('"memory":"256Mi"');
});

test('a dry run gets the same patch and leaves nothing behind', async () => {
  const objects = async () => (await mesh.request<ResourceList>('GET', '/api/v1/resources/all')).body.items;
  const before = await objects();
  const dry = await post(
    review(({ request }) => {
      request.dryRun = true;
    }),
  );
  expect(dry.response.patch).toBe((await post(review())).response.patch);
  expect(await objects()).toEqual(before);
  expect((await mesh.proxies()).length).toBe(0);
});

test('WH-01: plaintext gets no answer', async () => {
  const client = await RawClient.connect(port);
  client.send(`POST /inject HTTP/1.1\r\nhost: ${serviceName}\r\ncontent-length: 0\r\n\r\n`);
  await client.end();
  expect(client.received).not.toContain('HTTP/1.1 200');
  expect(client.received).not.toContain('uid');
  await client.close();
});

test('WH-01: a caller that trusts other roots, or calls by another name, does not get as far as asking', async () => {
  await expect(post(review(), { ca: [...tls.rootCertificates] })).rejects.toThrow(/self-signed|unable to/);
  await expect(post(review(), { servername: 'webhook.example.com' })).rejects.toThrow(/does not match/);
});

test('WH-08: of 200 reviews at once each gets its own answer, beside a caller that stops half-way', async () => {
  const slow = tls.connect({ host: '127.0.0.1', port, ca, servername: serviceName });
  await once(slow, 'secureConnect');
  slow.on('error', () => {});
  slow.write('POST /inject HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{');
  const agent = new https.Agent({ keepAlive: true, maxSockets: 50 });
  const uids = Array.from({ length: 200 }, (_, i) => `review-${i}`);
  const answers = await Promise.all(
    uids.map((uid, i) =>
      post(
        review(({ request }) => {
          request.uid = uid;
          request.object.metadata.annotations['config.heddle.dev/skip-outbound-ports'] = String(20_000 + i);
        }),
        { agent },
      ),
    ),
  );
  agent.destroy();
  slow.destroy();
  expect(answers.map(({ response }) => response.uid)).toEqual(uids);
  for (const [i, answer] of answers.entries()) {
    expect(JSON.stringify(operations(answer))).toContain(`"--skip-outbound-ports","${20_000 + i}"`);
  }
});

test('WH-09: a renewed certificate is served to new connections while an open one goes on', async () => {
  // Past half of the first certificate's life the clock still stands before now, so that both verify.
  const hour = 3_600_000;
  const clock = new FakeClock(Date.now() - 13 * hour);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const injection = await startInjection({
    stateDir: path.join(mesh.folder, 'renewal'),
    trustDomain: 'cluster.local',
    address: '127.0.0.1',
    port: 0,
    clock,
    log: silentLog,
  });
  const bundle = rootOf(path.join(mesh.folder, 'renewal/ca-root.pem'));
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  const at = { port: injection.port, ca: bundle };
  try {
    const serial = async () => {
      const socket = tls.connect({ ...at, host: '127.0.0.1', servername: serviceName });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    expect((await post(review(), { ...at, agent })).response.allowed).toBe(true);
    const kept = Object.values(agent.freeSockets)[0]?.[0];
    clock.advance(12 * hour);
    await vi.advanceTimersByTimeAsync(12 * hour);
    vi.useRealTimers();
    await until(async () => (await serial()) !== first, 'the new certificate');
    expect((await post(review(), { ...at, agent })).response.allowed).toBe(true);
    expect(Object.values(agent.freeSockets)[0]?.[0]).toBe(kept);
    expect(kept).toBeDefined();
  } finally {
    vi.useRealTimers();
    agent.destroy();
    await injection.close();
  }
});

/** The certificate of a signer's file, without its key. */
function rootOf(file: string): string {
  const text = fs.readFileSync(file, 'utf8');
  return text.slice(text.indexOf('-----BEGIN CERTIFICATE-----'));
}
