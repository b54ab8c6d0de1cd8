import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { cluster, TestProxy } from '../harness/data-path.ts';
import { type AppRequest, type Handler, pairings, send, startApp, type Version } from '../harness/versions.ts';

/** A proxy whose clients speak whatever they like, before an application that speaks `upstream`. */
async function startPath(upstream: Version, handler: Handler, onContinue?: Handler) {
  const app = await startApp(upstream, handler, onContinue);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [app.port], { protocol: upstream }));
  return { under, app, port: await under.listen('app') };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function readAll(request: AppRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe.each(pairings)('%s client, %s application', (client, upstream) => {
  test('a response without a body, with a length and without one', async () => {
    const { port } = await startPath(upstream, (request, response) => {
      if (request.url === '/empty') response.writeHead(204).end();
      else if (request.url === '/length') response.writeHead(200, { 'content-length': '5' }).end('12345');
      else {
        response.writeHead(200, { 'content-type': 'text/plain' });
        response.write('one');
        setImmediate(() => response.end('two'));
      }
    });
    expect(await send(client, port, { path: '/empty' })).toMatchObject({ status: 204, body: Buffer.alloc(0) });
    const measured = await send(client, port, { path: '/length' });
    expect([measured.headers['content-length'], String(measured.body)]).toEqual(['5', '12345']);
    const open = await send(client, port, { path: '/open' });
    expect([open.headers['content-length'], String(open.body)]).toEqual([undefined, 'onetwo']);
  });

  test('a request body arrives, with a length and without one', async () => {
    const { port } = await startPath(upstream, async (request, response) => {
      const body = await readAll(request);
      response.end(`${request.method} ${request.headers['content-length']} ${body}`);
    });
    const body = ['12', '345'];
    const measured = await send(client, port, { method: 'POST', body, headers: { 'content-length': '5' } });
    expect(String(measured.body)).toBe('POST 5 12345');
    expect(String((await send(client, port, { method: 'POST', body })).body)).toBe('POST undefined 12345');
  });

  test('HEAD tells the length and has no body', async () => {
    const { port } = await startPath(upstream, (_request, response) => {
      response.writeHead(200, { 'content-length': '7' }).end();
    });
    const seen = await send(client, port, { method: 'HEAD' });
    expect([seen.status, seen.headers['content-length'], seen.body.length]).toEqual([200, '7', 0]);
  });

  test('trailers pass in both directions', async () => {
    const { port } = await startPath(upstream, async (request, response) => {
      await readAll(request);
      response.writeHead(200, { trailer: 'x-out' });
      response.write('body');
      response.addTrailers({ 'x-out': `got ${request.trailers['x-in']}` });
      response.end();
    });
    const seen = await send(client, port, { method: 'POST', body: ['a'], trailers: { 'x-in': 'in' } });
    expect([String(seen.body), seen.trailers['x-out']]).toEqual(['body', 'got in']);
  });

  test('103 passes before the final response', async () => {
    const { port } = await startPath(upstream, (_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('done');
    });
    expect(await send(client, port)).toMatchObject({ status: 200, informational: [103], body: Buffer.from('done') });
  });

  test('Expect: 100-continue waits for the application’s word', async () => {
    const bodies: string[] = [];
    const { port } = await startPath(
      upstream,
      () => {},
      async (request, response) => {
        response.writeContinue();
        bodies.push(String(await readAll(request)));
        response.end('thanks');
      },
    );
    const seen = await send(client, port, { method: 'POST', body: ['late'], waitForContinue: true });
    expect([seen.status, seen.informational, bodies]).toEqual([200, [100], ['late']]);
  });

  test('a megabyte goes there and back unharmed', async () => {
    const { port } = await startPath(upstream, (request, response) => {
      request.pipe(response as never);
    });
    const sent = randomBytes(1024 * 1024);
    const seen = await send(client, port, { method: 'POST', body: [sent] });
    expect(sha256(seen.body)).toBe(sha256(sent));
  });

  test('a response that breaks off is not taken for complete', async () => {
    const { port } = await startPath(upstream, (_request, response) => {
      response.writeHead(200);
      response.write('half');
      setTimeout(() => (response.stream ?? response).destroy(), 20);
    });
    await expect(send(client, port)).rejects.toThrow();
  });

  test('what each side spoke is written down', async () => {
    const { port, under } = await startPath(upstream, (_request, response) => void response.end());
    await send(client, port);
    await under.until(() => under.observer.streams.length > 0);
    expect(under.observer.streams).toMatchObject([{ protocol: client === 'http2' ? '2' : '1.1', status: 200 }]);
  });
});
