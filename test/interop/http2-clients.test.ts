import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type App, startApp } from '../harness/app.ts';
import { debianProgram, type Peer } from '../harness/peers.ts';
import { type Ended, runProgram } from '../harness/run-program.ts';
import { startEdge, type TestEdge } from './edge.ts';

// HTTP/2 clients that nobody here wrote, through the gateway and a sidecar to an HTTP/1 application.

const curl = debianProgram('curl');
const nghttp = debianProgram('nghttp', 'nghttp2-client');
const h2load = debianProgram('h2load', 'nghttp2-client');

let app: App;
let edge: TestEdge;

beforeAll(async () => {
  app = await startApp((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (chunk) => hash.update(chunk));
    request.on('end', () => {
      response.setHeader('x-seen-version', request.httpVersion);
      response.end(request.method === 'POST' ? hash.digest('hex') : 'hello');
    });
  });
  edge = await startEdge(app.port);
}, 60_000);

afterAll(async () => {
  await edge?.close();
  await app?.close();
});

function run(peer: Peer, args: readonly string[]): Promise<Ended> {
  return runProgram(peer.path as string, args);
}

describe.skipIf(curl.absent !== undefined)('curl', async () => {
  const common = ['-sS', '-o', '-', '-w', '\n%{http_version} %{http_code}'];

  test('speaks HTTP/2 with prior knowledge', async () => {
    const { stdout } = await run(curl, [...common, '--http2-prior-knowledge', `http://127.0.0.1:${edge.ports.http}/`]);
    expect(stdout).toBe('hello\n2 200');
  });

  test('chooses HTTP/2 by ALPN, and HTTP/1.1 when it is told to', async () => {
    const url = `https://localhost:${edge.ports.https}/`;
    const trust = [
      '--cacert',
      path.join(edge.mesh.folder, 'edge.pem'),
      '--resolve',
      `localhost:${edge.ports.https}:127.0.0.1`,
    ];
    fs.writeFileSync(path.join(edge.mesh.folder, 'edge.pem'), edge.certificatePem);
    expect((await run(curl, [...common, ...trust, '--http2', url])).stdout).toBe('hello\n2 200');
    expect((await run(curl, [...common, ...trust, '--http1.1', url])).stdout).toBe('hello\n1.1 200');
  });

  test('uploads 20 MiB whole, and asks for a head only', async () => {
    const file = path.join(edge.mesh.folder, 'upload');
    const bytes = randomBytes(20 * 1024 * 1024);
    fs.writeFileSync(file, bytes);
    const url = `http://127.0.0.1:${edge.ports.http}/`;
    const sent = await run(curl, [
      ...common,
      '--http2-prior-knowledge',
      '-X',
      'POST',
      '--data-binary',
      `@${file}`,
      url,
    ]);
    expect(sent.stdout).toBe(`${createHash('sha256').update(bytes).digest('hex')}\n2 200`);
    const head = await run(curl, ['-sS', '-I', '--http2-prior-knowledge', url]);
    expect(head.stdout).toMatch(/^HTTP\/2 200/);
  });

  test('is served as HTTP/1.1 when it offers to upgrade to h2c (H1-27)', async () => {
    const { stdout } = await run(curl, [...common, '--http2', `http://127.0.0.1:${edge.ports.http}/`]);
    expect(stdout).toBe('hello\n1.1 200');
  });
});

test.skipIf(nghttp.absent !== undefined)('nghttp asks for many things on one connection', async () => {
  const url = `http://127.0.0.1:${edge.ports.http}/`;
  const { stdout, status } = await run(nghttp, ['-nsy', '-m', '50', url]);
  expect(status).toBe(0);
  expect(stdout.match(/ 200 /g)?.length).toBe(50);
});

describe.skipIf(h2load.absent !== undefined)('h2load', () => {
  for (const [scheme, port] of [
    ['http', () => edge.ports.http],
    ['https', () => edge.ports.https],
  ] as const) {
    test(`has every one of 5,000 requests answered over ${scheme}`, async () => {
      const { stdout } = await run(h2load, ['-n', '5000', '-c', '4', '-m', '25', `${scheme}://127.0.0.1:${port()}/`]);
      expect(stdout).toMatch(/5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout/);
      expect(stdout).toMatch(/Application protocol: (h2|h2c)/);
    });
  }
});
