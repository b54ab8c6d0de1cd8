import { createHash } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  cluster,
  endpoint,
  httpListener,
  httpServer,
  rawClient,
  request,
  route,
  routeTable,
  TestProxy,
  tcpServer,
  until,
} from '../test/harness/data-path.ts';
import { connectHttp2, sendOn } from '../test/harness/versions.ts';

async function echoProxy(): Promise<{ under: TestProxy; port: number; connections: () => number }> {
  let connections = 0;
  const { port: upstream, server } = await httpServer((incoming, outgoing) => {
    outgoing.setHeader('x-path', incoming.url ?? '');
    incoming.pipe(outgoing);
  });
  server.on('connection', () => connections++);
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  return { under, port: await under.listen('app'), connections: () => connections };
}

test('a request and its body go to the upstream and its response comes back', async () => {
  const { under, port } = await echoProxy();
  const response = await request(port, '/a?b=c', { method: 'POST', body: 'hello' });
  expect(response).toMatchObject({ status: 200, body: 'hello', headers: { 'x-path': '/a?b=c' } });
  expect(under.observer.streams).toMatchObject([
    { method: 'POST', status: 200, cluster: 'app', service: 'app.default', bytesReceived: 5, bytesSent: 5, flags: 0 },
  ]);
});

test('a chunked body of unknown length stays whole in both directions, with its trailers', async () => {
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    outgoing.writeHead(200, { trailer: 'x-sum' });
    incoming.pipe(outgoing, { end: false });
    incoming.on('end', () => {
      outgoing.addTrailers({ 'x-sum': incoming.trailers['x-check'] ?? 'none' });
      outgoing.end();
    });
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const client = rawClient(await under.listen('app'));
  client.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntrailer: x-check\r\n\r\n');
  client.send('3\r\nabc\r\n').send('2\r\nde\r\n').send('0\r\nx-check: 7\r\n\r\n');
  const text = await client.see(/x-sum: 7\r\n\r\n$/i);
  expect(text).toContain('abc');
  expect(text).toContain('de');
});

test('requests on many client connections share upstream connections that are free', async () => {
  const { port, connections } = await echoProxy();
  for (let i = 0; i < 10; i++) expect((await request(port, '/')).status).toBe(200);
  expect(connections()).toBe(1);
});

test('pipelined requests are answered in order', async () => {
  const { port } = await echoProxy();
  const client = rawClient(port);
  const head = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;
  client.send(head('/1') + head('/2') + head('/3'));
  const text = await client.see(/x-path: \/3/i);
  expect([...text.matchAll(/x-path: (\S+)/gi)].map(([, path]) => path)).toEqual(['/1', '/2', '/3']);
});

test('64 MiB to a client that reads late arrive whole, and the proxy holds only a little of them', async () => {
  const size = 64 * 1024 * 1024;
  const block = Buffer.alloc(65_536, 'heddle');
  let written = 0;
  const upstream = await tcpServer((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      const more = () => {
        while (written < size) {
          written += block.length;
          if (!socket.write(block)) return void socket.once('drain', more);
        }
      };
      more();
    });
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app', { action: { timeoutMs: 0 } });
  const { incoming, digest } = await new Promise<{ incoming: http.IncomingMessage; digest: Promise<string> }>(
    (resolve) => {
      http.get({ port, host: '127.0.0.1', agent: false }, (response) => {
        const hash = createHash('sha256');
        resolve({
          incoming: response,
          digest: new Promise((done) => {
            setTimeout(() => {
              response.on('data', (chunk: Buffer) => hash.update(chunk));
              response.on('end', () => done(hash.digest('hex')));
            }, 200);
          }),
        });
      });
    },
  );
  // Nobody reads: what the kernel's buffers hold is the most that can have left the upstream.
  let before = -1;
  await until(() => {
    const still = written === before && written > 0;
    before = written;
    return still;
  });
  expect(written).toBeLessThan(size / 2);
  expect(await digest).toBe(sha256(block, size / block.length));
  expect(incoming.complete).toBe(true);
});

test('64 MiB from a client arrive whole at an upstream that reads late', async () => {
  const size = 64 * 1024 * 1024;
  const block = Buffer.alloc(65_536, 'shuttle');
  const { port: upstream } = await httpServer((incoming, outgoing) => {
    const hash = createHash('sha256');
    setTimeout(() => {
      incoming.on('data', (chunk: Buffer) => hash.update(chunk));
      incoming.on('end', () => outgoing.end(hash.digest('hex')));
    }, 100);
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app');
  const socket = net.connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += String(chunk);
  });
  socket.write(`PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
  for (let sent = 0; sent < size; sent += block.length) {
    if (!socket.write(block)) await new Promise((resolve) => socket.once('drain', resolve));
  }
  await until(() => /[0-9a-f]{64}/.test(answer));
  expect(answer).toContain(sha256(block, size / block.length));
});

test('an upgrade becomes a pipe of bytes, in both directions and to the end', async () => {
  const upstream = await tcpServer((socket) => {
    socket.once('data', (head) => {
      expect(String(head)).toMatch(/upgrade: websocket/i);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nwelcome ');
      socket.on('data', (chunk) => socket.write(`<${chunk}>`));
      socket.on('end', () => socket.end('bye'));
    });
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const client = rawClient(await under.listen('app'));
  client.send('GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n');
  await client.see(/101 Switching Protocols[\s\S]*\r\n\r\nwelcome /);
  client.send('ping');
  await client.see(/<ping>/);
  client.socket.end();
  await client.see(/bye$/);
  await until(() => under.observer.streams.length === 1);
  expect(under.observer.streams[0]).toMatchObject({ status: 101, flags: 0, bytesReceived: 4 });
});

test('the upstream decides about 100 Continue, and the body follows', async () => {
  const { port: upstream, server } = await httpServer((_incoming, outgoing) => void outgoing.end('never asked'));
  server.on('checkContinue', (incoming: http.IncomingMessage, outgoing: http.ServerResponse) => {
    outgoing.writeContinue();
    incoming.pipe(outgoing);
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const client = rawClient(await under.listen('app'));
  client.send('POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n');
  await client.see(/^HTTP\/1.1 100 /);
  client.send('body');
  expect(await client.see(/body/)).toMatch(/HTTP\/1.1 200 /);
});

test('a client that resets its connection takes its upstream request with it', async () => {
  let seen = 0;
  let cut = 0;
  const upstream = await tcpServer((socket) => void socket.on('data', () => seen++).on('close', () => cut++));
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const client = rawClient(await under.listen('app')).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until(() => seen === 1);
  client.socket.resetAndDestroy();
  await until(() => cut === 1);
  expect(under.observer.streams).toMatchObject([{ status: 0, flags: 1 << 8 }]);
  expect(under.proxy.describe().clusters[0]).toMatchObject({ activeRequests: 0, connections: 0 });
});

test('an answer before the end of the request is passed on, and the upstream connection is not used again', async () => {
  let connections = 0;
  const upstream = await tcpServer((socket) => {
    connections++;
    socket.once('data', () => socket.write('HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig'));
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app');
  const client = rawClient(port).send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nstart');
  expect(await client.see(/big$/)).toMatch(/^HTTP\/1.1 413 /);
  rawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until(() => connections === 2);
});

test('a forward proxy takes absolute targets, and the named service gets the origin form', async () => {
  const { port } = await echoProxy();
  const client = rawClient(port).send('GET http://app.default:80/x?y HTTP/1.1\r\nhost: app.default:80\r\n\r\n');
  expect(await client.see(/x-path/i)).toMatch(/x-path: \/x\?y/i);
});

test('CONNECT to an HTTP service of the mesh goes on as HTTP inside the tunnel', async () => {
  const { under, port } = await echoProxy();
  const client = rawClient(port).send('CONNECT app.default:80 HTTP/1.1\r\nhost: app.default:80\r\n\r\n');
  await client.see(/^HTTP\/1.1 200 [\s\S]*\r\n\r\n$/);
  client.received = '';
  client.send('POST /in HTTP/1.1\r\nhost: app.default\r\ncontent-length: 2\r\n\r\nhi');
  expect(await client.see(/hi\r\n/)).toMatch(/x-path: \/in/i);
  client.send('GET /again HTTP/1.1\r\nhost: app.default\r\n\r\n');
  await client.see(/x-path: \/again/i);
  expect(under.observer.streams).toHaveLength(2);
});

test('CONNECT to a TCP service relays bytes, and to a stranger it is refused', async () => {
  const upstream = await tcpServer((socket) => {
    socket.on('data', (chunk) => socket.write(`+${chunk}`));
    socket.on('end', () => socket.end());
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('redis', [upstream], { protocol: 'tcp', servicePort: 6379 }));
  under.proxy.setRouteTable(routeTable('outbound', [], ['nobody']));
  const port = await under.listen('none', { routes: 'outbound' });
  const client = rawClient(port).send(
    'CONNECT redis.default.svc:6379 HTTP/1.1\r\nhost: redis.default.svc:6379\r\n\r\n',
  );
  await client.see(/^HTTP\/1.1 200 [\s\S]*\r\n\r\n$/);
  client.send('PING');
  await client.see(/\+PING$/);
  client.socket.end();
  await until(() => client.ended);
  expect(under.observer.tcp).toMatchObject([{ service: 'redis.default', bytesReceived: 4, bytesSent: 5, flags: 0 }]);
  const stranger = rawClient(port).send('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n');
  expect(await stranger.see(/is no service of the mesh/)).toMatch(/^HTTP\/1.1 404 [\s\S]*unknown-destination/);
});

test('CONNECT of an HTTP/2 client opens tunnels as that of HTTP/1 does, many on one connection', async () => {
  const { port } = await echoProxy();
  const session = await connectHttp2(port);
  const tunnel = (authority: string) => {
    const stream = session.request({ ':method': 'CONNECT', ':authority': authority });
    const seen = { status: 0, text: '' };
    stream.on('response', (head) => {
      seen.status = Number(head[':status']);
    });
    stream.on('data', (chunk: Buffer) => {
      seen.text += String(chunk);
    });
    return { stream, seen };
  };
  const [one, two] = [tunnel('app.default:80'), tunnel('app.default:80')];
  await until(() => one.seen.status * two.seen.status > 0);
  expect([one.seen.status, two.seen.status]).toEqual([200, 200]);
  one.stream.write('GET /one HTTP/1.1\r\nhost: app.default\r\n\r\n');
  two.stream.write('GET /two HTTP/1.1\r\nhost: app.default\r\n\r\n');
  await until(() => /x-path: \/one/i.test(one.seen.text) && /x-path: \/two/i.test(two.seen.text));
  one.stream.close();
  await until(() => one.stream.destroyed);
  two.stream.write('GET /again HTTP/1.1\r\nhost: app.default\r\n\r\n');
  await until(() => /x-path: \/again/i.test(two.seen.text));
});

test('L-11: a connection takes no request any more after its time, in either version', async () => {
  const app = await httpServer((_incoming, outgoing) => void outgoing.end('served'));
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [app.port]));
  const port = await under.listen('app', { http: { maxConnectionDurationMs: 10_000, idleTimeoutMs: 3_600_000 } });
  const client = rawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await client.see(/served$/);
  const session = await connectHttp2(port);
  expect(String((await sendOn(session)).body)).toBe('served');
  under.advance(11_100);
  await until(() => {
    under.advance(100);
    return client.ended && session.closed;
  });
});

test('L-12: an HTTP/2 connection ends after the requests that it may carry', async () => {
  const app = await httpServer((_incoming, outgoing) => void outgoing.end('served'));
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [app.port]));
  const port = await under.listen('app', { http: { maxRequestsPerConnection: 2 } });
  const session = await connectHttp2(port);
  for (let i = 0; i < 2; i++) expect(String((await sendOn(session)).body)).toBe('served');
  await until(() => {
    under.advance(100);
    return session.closed;
  });
});

test('a change of routes, endpoints and listeners under load fails no request', async () => {
  const { port: one } = await httpServer((_incoming, outgoing) => void outgoing.end('one'));
  const { port: two } = await httpServer((_incoming, outgoing) => void outgoing.end('two'));
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [], { discovery: { kind: 'eds', endpointsName: 'app' } }));
  under.proxy.setEndpoints('app', [endpoint(one)]);
  under.proxy.setRouteTable(routeTable('routes', [route('app')]));
  const port = await under.listen('app', { routes: 'routes' });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  onTestFinished(() => agent.destroy());
  const statuses: number[] = [];
  let running = true;
  const clients = Array.from({ length: 8 }, async () => {
    while (running) statuses.push((await request(port, '/', { agent })).status);
  });
  for (let round = 0; round < 30; round++) {
    under.proxy.setEndpoints('app', [endpoint(round % 2 === 0 ? two : one)]);
    under.proxy.setRouteTable(routeTable('routes', [route('app', { timeoutMs: 10_000 + round })]));
    under.proxy.setCluster(
      cluster('app', [], { discovery: { kind: 'eds', endpointsName: 'app' }, idleTimeoutMs: 4_000 + round }),
    );
    await under.proxy.setListener(httpListener('app', { routes: 'routes' }));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  running = false;
  await Promise.all(clients);
  expect(statuses.length).toBeGreaterThan(30);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
});

test('draining lets a running request finish, closes its connection, and refuses new ones', async () => {
  let answer: (() => void) | undefined;
  const { port: upstream } = await httpServer((_incoming, outgoing) => {
    answer = () => void outgoing.end('done');
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app');
  const agent = new http.Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const running = request(port, '/', { agent });
  await until(() => answer !== undefined);
  const drained = under.proxy.drain(30_000);
  await expect(request(port, '/')).rejects.toThrow('ECONNREFUSED');
  answer?.();
  expect(await running).toMatchObject({ status: 200, body: 'done', headers: { connection: 'close' } });
  await drained;
  expect(under.observer.open).toBe(0);
});

test('draining gives up after its time', async () => {
  const upstream = await tcpServer((socket) => void socket.resume());
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  rawClient(await under.listen('app')).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await until(() => under.observer.started === 1);
  let over = false;
  const drained = under.proxy.drain(1_000).then(() => {
    over = true;
  });
  under.advance(900);
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  under.advance(200);
  await drained;
});

test('a port that is taken is refused, and the old listener goes on', async () => {
  const { under, port } = await echoProxy();
  const taken = await tcpServer(() => {});
  await expect(under.proxy.setListener(httpListener('app', { port: taken }))).rejects.toThrow('EADDRINUSE');
  expect((await request(port, '/')).status).toBe(200);
  await under.proxy.removeListener('listener');
  await expect(request(port, '/')).rejects.toThrow('ECONNREFUSED');
});

function sha256(block: Buffer, times: number): string {
  const hash = createHash('sha256');
  for (let i = 0; i < times; i++) hash.update(block);
  return hash.digest('hex');
}
