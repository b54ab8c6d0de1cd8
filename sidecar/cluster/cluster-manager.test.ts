import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { cluster, endpoint, httpServer, request, TestProxy, tcpServer, until } from '../../test/harness/data-path.ts';
import { defaultSpread } from './cluster-config.ts';
import { IdleLimit } from './idle-limit.ts';

const eds = { discovery: { kind: 'eds' as const, endpointsName: 'app' } };

test('endpoints that arrive before their cluster wait for it', async () => {
  const { port: upstream } = await httpServer((_incoming, outgoing) => void outgoing.end('up'));
  const under = new TestProxy();
  under.proxy.setEndpoints('app', [endpoint(upstream)]);
  under.proxy.setCluster(cluster('app', [], eds));
  expect((await request(await under.listen('app'), '/')).body).toBe('up');
});

test('an endpoint that stays keeps its connections and counts; one that goes finishes what runs', async () => {
  const connections = new Map<string, number>();
  const answers: (() => void)[] = [];
  const start = async (name: string) => {
    const { port, server } = await httpServer((incoming, outgoing) => {
      if (incoming.url === '/wait') answers.push(() => outgoing.end(name));
      else outgoing.end(name);
    });
    server.on('connection', () => connections.set(name, (connections.get(name) ?? 0) + 1));
    return port;
  };
  const [stays, goes] = [await start('stays'), await start('goes')];
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [], eds));
  under.proxy.setEndpoints('app', [endpoint(stays), endpoint(goes)]);
  const port = await under.listen('app');
  const running = [request(port, '/wait'), request(port, '/wait')];
  await until(() => answers.length === 2);

  under.proxy.setEndpoints('app', [endpoint(stays, { weight: 5 })]);
  for (const answer of answers) answer();
  expect((await Promise.all(running)).map(({ body }) => body).sort()).toEqual(['goes', 'stays']);
  expect((await request(port, '/')).body).toBe('stays');
  expect(connections).toEqual(
    new Map([
      ['stays', 1],
      ['goes', 1],
    ]),
  );
  expect(under.proxy.describe().clusters[0]?.endpoints).toMatchObject([{ port: stays, weight: 5, requests: 2 }]);
});

test('connections are made anew with the endpoints where the cluster says so', async () => {
  for (const closeConnectionsOnHostSetChange of [false, true]) {
    let connections = 0;
    const { port: stays, server } = await httpServer((_incoming, outgoing) => void outgoing.end());
    server.on('connection', () => connections++);
    const other = await httpServer((_incoming, outgoing) => void outgoing.end());
    const under = new TestProxy();
    under.proxy.setCluster(
      cluster('app', [], { ...eds, spread: { ...defaultSpread, closeConnectionsOnHostSetChange } }),
    );
    under.proxy.setEndpoints('app', [endpoint(stays)]);
    const port = await under.listen('app');
    await request(port, '/');
    under.proxy.setEndpoints('app', [endpoint(stays, { weight: 2 })]);
    await request(port, '/');
    expect(connections).toBe(1);
    under.proxy.setEndpoints('app', [endpoint(stays), endpoint(other.port)]);
    under.proxy.setEndpoints('app', [endpoint(stays)]);
    await request(port, '/');
    expect(connections === 1).toBe(!closeConnectionsOnHostSetChange);
  }
});

test('a cluster that is removed finishes what runs and answers nothing new', async () => {
  let answer: (() => void) | undefined;
  const { port: upstream } = await httpServer((_incoming, outgoing) => {
    answer = () => void outgoing.end('late');
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app');
  const running = request(port, '/');
  await until(() => answer !== undefined);
  under.proxy.removeCluster('app');
  expect((await request(port, '/')).headers['x-heddle-reason']).toMatch(/^no-cluster;/);
  answer?.();
  expect((await running).body).toBe('late');
});

test('requests that wait for a connection when the TLS settings change are served by the new connections', async () => {
  const accepted: (() => void)[] = [];
  const upstream = await tcpServer((socket) => {
    socket.on('data', () => accepted.push(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')));
  });
  const config = cluster('app', [upstream]);
  const breakers = { ...config.breakers, maxConnections: 1 };
  const under = new TestProxy();
  under.proxy.setCluster({ ...config, breakers });
  const port = await under.listen('app');
  const first = request(port, '/');
  await until(() => accepted.length === 1);
  const second = request(port, '/');
  await until(() => under.proxy.describe().clusters[0]?.pendingRequests === 1);
  under.proxy.setCluster({ ...config, breakers, idleTimeoutMs: 1_000 });
  accepted[0]?.();
  expect((await first).body).toBe('ok');
  await until(() => accepted.length === 2);
  accepted[1]?.();
  expect((await second).body).toBe('ok');
});

test('the connection used last is used next', async () => {
  const used: number[] = [];
  const answers: (() => void)[] = [];
  let count = 0;
  const upstream = await tcpServer((socket) => {
    const number = ++count;
    socket.on('data', () => {
      used.push(number);
      answers.push(() => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
    });
  });
  const under = new TestProxy();
  under.proxy.setCluster(cluster('app', [upstream]));
  const port = await under.listen('app');
  const agent = new http.Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const both = [request(port, '/', { agent }), request(port, '/', { agent })];
  await until(() => answers.length === 2);
  answers[0]?.();
  await both[0];
  answers[1]?.();
  await both[1];
  const last = used[1];
  for (let i = 2; i < 5; i++) {
    const next = request(port, '/', { agent });
    await until(() => answers.length === i + 1);
    answers[i]?.();
    await next;
  }
  expect(used.slice(2)).toEqual([last, last, last]);
});

test('an idle limit learns from closes and announcements, and only downwards', () => {
  const limit = new IdleLimit(4_000);
  limit.onClosedByPeer(10);
  expect(limit.ms).toBe(4_000);
  limit.onAnnounced(60_000);
  expect(limit.ms).toBe(4_000);
  limit.onAnnounced(4_000);
  expect(limit.ms).toBe(3_000);
  limit.onClosedByPeer(2_000);
  expect(limit.ms).toBe(1_500);
});
