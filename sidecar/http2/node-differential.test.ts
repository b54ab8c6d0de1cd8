import http2 from 'node:http2';
import { afterEach, expect, test, vi } from 'vitest';
import { Http2Client, Http2Server, responseHead } from '../../test/harness/http2-codec.ts';
import { Headers } from '../stream/headers.ts';

// Our codec against Node's (nghttp2), both ways.

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function echoServer(): Promise<Http2Server> {
  const server = await Http2Server.start((asked) => {
    if (!asked.ended || asked.resets.length > 0) return;
    const fields = {
      'content-type': 'text/plain',
      'x-path': asked.head.path,
      'x-asked': asked.head.headers.get('x-ask') ?? '',
    };
    const body = Buffer.concat(asked.pieces);
    asked.writer.head(responseHead(200, fields, body.length), body.length === 0);
    if (body.length > 0) asked.writer.data(body, true);
  });
  closers.push(() => server.close());
  return server;
}

interface NodeAnswer {
  status: number | undefined;
  headers: http2.IncomingHttpHeaders;
  trailers: http2.IncomingHttpHeaders | undefined;
  body: Buffer;
}

function askNode(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Buffer,
): Promise<NodeAnswer> {
  return new Promise((resolve, reject) => {
    const request = session.request(headers, { endStream: body === undefined });
    const pieces: Buffer[] = [];
    let head: http2.IncomingHttpHeaders & { ':status'?: number } = {};
    let trailers: http2.IncomingHttpHeaders | undefined;
    request.on('response', (got) => {
      head = got;
    });
    request.on('trailers', (got) => {
      trailers = got;
    });
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('error', reject);
    request.on('end', () => resolve({ status: head[':status'], headers: head, trailers, body: Buffer.concat(pieces) }));
    if (body !== undefined) request.end(body);
  });
}

function connectNode(port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  closers.push(() => session.destroy());
  return session;
}

test('a Node client is answered by our server', async () => {
  const server = await echoServer();
  const session = connectNode(server.port);
  const answer = await askNode(session, { ':path': '/a?b=c', 'x-ask': 'one' });
  expect(answer).toMatchObject({
    status: 200,
    headers: { 'x-path': '/a?b=c', 'x-asked': 'one', 'content-length': '0' },
  });
  expect(server.asked[0]?.head).toMatchObject({ method: 'GET', version: '2', path: '/a?b=c', scheme: 'http' });
});

test('a Node client gets three hundred answers at the same time, and bodies of 3 MiB both ways', async () => {
  const server = await echoServer();
  const session = connectNode(server.port);
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, n) =>
      askNode(session, { ':path': `/${n}`, ':method': 'POST' }, Buffer.alloc(n * 7, n)),
    ),
  );
  for (const [n, answer] of answers.entries()) {
    expect(answer.headers['x-path']).toBe(`/${n}`);
    expect(answer.body.equals(Buffer.alloc(n * 7, n))).toBe(true);
  }
  const large = Buffer.alloc(3 * 1024 * 1024);
  for (let i = 0; i < large.length; i++) large[i] = i * 31;
  const answer = await askNode(session, { ':path': '/large', ':method': 'POST' }, large);
  expect(answer.body.equals(large)).toBe(true);
  expect(server.refused).toEqual([]);
});

function nodeServer(
  onStream: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  settings: http2.Settings = {},
): Promise<number> {
  const server = http2.createServer({ settings });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  closers.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
}

function connect(port: number): Http2Client {
  const client = new Http2Client(port);
  closers.push(() => client.close());
  return client;
}

test('our client is answered by a Node server, with informational heads and trailers', async () => {
  const port = await nodeServer((stream, headers) => {
    stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
    stream.respond(
      { ':status': 201, 'x-path': headers[':path'], 'x-cookie': headers.cookie },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end('hello');
  });
  const client = connect(port);
  const answer = client.open({ path: '/p?q', headers: Headers.of({ cookie: 'a=b; c=d', te: 'trailers' }) });
  expect(await answer.done).toBe('end');
  expect(answer.informational.map(({ status }) => status)).toEqual([103]);
  expect(answer.head?.status).toBe(201);
  expect(answer.head?.headers.get('x-path')).toBe('/p?q');
  expect(answer.head?.headers.get('x-cookie')).toBe('a=b; c=d');
  expect(answer.body).toBe('hello');
  expect(answer.trailers?.get('grpc-status')).toBe('0');
  await vi.waitFor(() => expect(client.codec.activeStreams).toBe(0));
});

test('our client sends three hundred requests at the same time, and gets their bodies', async () => {
  const port = await nodeServer((stream, headers) => {
    stream.respond({ ':status': 200, 'x-path': headers[':path'] });
    stream.pipe(stream);
  });
  const client = connect(port);
  const first = client.open({});
  await first.done;
  const answers = Array.from({ length: 100 }, (_, n) =>
    client.open({ path: `/${n}`, method: 'POST' }, Buffer.alloc(n * 997, n)),
  );
  for (const [n, answer] of answers.entries()) {
    expect(await answer.done).toBe('end');
    expect(answer.head?.headers.get('x-path')).toBe(`/${n}`);
    expect(Buffer.concat(answer.pieces).equals(Buffer.alloc(n * 997, n))).toBe(true);
  }
});

test('our client and our server carry 8 MiB each way', async () => {
  const server = await echoServer();
  const client = connect(server.port);
  const body = Buffer.alloc(8 * 1024 * 1024, 'ab');
  const answer = client.open({ method: 'POST', contentLength: body.length }, body);
  expect(await answer.done).toBe('end');
  expect(Buffer.concat(answer.pieces).equals(body)).toBe(true);
});
